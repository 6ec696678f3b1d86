"""Celery's consumer: its own worker command, run in this process."""

import sys
from collections.abc import Sequence
from typing import Any

from celery import Celery, signals

from qwenq.schemas.errors import ConsumerDied
from qwenq.schemas.log.lines import exception_line
from qwenq.worker.log_set_up import heed_log_settings

TASK_MODULE = "qwenq.worker.tasks"


def run_consumer(app: Celery, *options: str, modules: Sequence[str] = ()) -> ConsumerDied | None:
    """Run Celery's worker command until it ends, with the worker's tasks and those of more modules.

    Returns why it died of an error, if it did.
    """
    heed_log_settings()
    app.conf.include = [TASK_MODULE, *modules]
    causes: list[ConsumerDied] = []

    def note_cause(**_: Any) -> None:
        # Celery sends this signal while it handles the error, logs it, and exits as if all were well.
        error = sys.exception()
        if isinstance(error, Exception):
            causes.append(ConsumerDied(exception_line(error)))

    signals.worker_shutdown.connect(note_cause)
    try:
        # --quiet leaves out the banner only, which is no log.
        app.worker_main(["--quiet", "worker", "--without-gossip", "--without-mingle", *options])
    except SystemExit as ended:
        if ended.code:
            raise
    finally:
        signals.worker_shutdown.disconnect(note_cause)
    return causes[0] if causes else None
