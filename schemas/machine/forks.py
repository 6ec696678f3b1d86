"""Starts child processes quickly: from a server that has imported what they need, and holds nothing else."""

import multiprocessing
import os
import signal
import threading
import time
from multiprocessing.connection import wait

FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(
    ["qwenq.schedules.commands", "qwenq.server.batches.steps", "qwenq.store.broker.transport", "kombu.transport.redis",
     "celery.app.task", "celery.app.events", "celery.canvas", "celery.events"]
)  # fmt: skip
"""One server for the steps of schedules and of batches."""
ASKING = threading.Lock()
"""multiprocessing takes an exit code from a pipe once, for the thread that asks first; so threads ask one at a time."""


def end_with_parent(stopping_seconds: float) -> None:
    """End this process when its parent has died: by TERM, and if it has not stopped after this time, at once."""
    if (parent := multiprocessing.parent_process()) is not None:
        wait([parent.sentinel])
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(stopping_seconds)
        os._exit(1)
