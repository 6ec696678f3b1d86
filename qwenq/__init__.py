"""qwenq: an asynchronous job queue for batch document processing with Qwen models.

    import qwenq

    job = qwenq.submit(["docs.jsonl"], model="Qwen/Qwen3-8B", prompt="Summarise: {{ text }}")
    qwenq.wait(job.id)
    for result in qwenq.results(job.id):
        print(result.custom_id, result.text)

The settings are those of the command line: the environment, then qwenq.toml, then defaults.
"""

from qwenq.api import cancel, errors, jobs, results, status, submit, wait

__all__ = ["__version__", "cancel", "errors", "jobs", "results", "status", "submit", "wait"]
__version__ = "0.1.0"
