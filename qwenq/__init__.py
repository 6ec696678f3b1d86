"""qwenq: an asynchronous job queue for batch document processing with Qwen models.

    import qwenq

    job = qwenq.submit(["docs.jsonl"], model="Qwen/Qwen3-8B", prompt="Summarise: {{ text }}")
    qwenq.wait(job.id)
    for result in qwenq.results(job.id):
        print(result.custom_id, result.text)

The settings are the same as on the command line: the environment, then qwenq.toml, then defaults.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from qwenq.api import (
        cancel,
        errors,
        failure_reasons,
        history,
        jobs,
        metrics,
        parts,
        pause,
        results,
        resume,
        retry,
        status,
        submit,
        wait,
    )

__all__ = [
    "__version__",
    "cancel",
    "errors",
    "failure_reasons",
    "history",
    "jobs",
    "metrics",
    "parts",
    "pause",
    "results",
    "resume",
    "retry",
    "status",
    "submit",
    "wait",
]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """Import the API on first use, so that the command line, which is in this package, starts quickly."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from qwenq import api

    return getattr(api, name)
