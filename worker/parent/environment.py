"""The environment of a worker's child processes: which worker they belong to, and settings of native libraries."""

import os

WORKER_ID_VARIABLE = "QWENQ_WORKER_ID"
START_FOLDER_VARIABLE = "QWENQ_START_FOLDER"
"""Where working processes leave their notes while they start, named by their pid."""
READY = ".ready"
"""What is left of the note of a process that has started."""
ENVIRONMENT = {
    # How long PyTorch's threads spin before they sleep: about 0.1 ms, which bridges the gaps between a step's many
    # small operations. Longer, and with one other busy process each of these operations waits for a spinning thread.
    "GOMP_SPINCOUNT": "10000",
    # By default glibc gives every large tensor back to the system and pages the next one in anew: passes over
    # prompts then take half as long again.
    "MALLOC_MMAP_THRESHOLD_": "1000000000",
    "MALLOC_TRIM_THRESHOLD_": "1000000000",
    "MALLOC_TOP_PAD_": "67108864",
    # Python's -P: a redis.py in the working folder is not what a child imports. Celery starts children itself.
    "PYTHONSAFEPATH": "1",
}


def prepare_environment() -> None:
    """Set defaults for child processes; the libraries read them when a process starts."""
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)


def worker_id_of_process() -> int:
    """The worker that this child process belongs to."""
    return int(os.environ[WORKER_ID_VARIABLE])
