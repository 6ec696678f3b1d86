"""Celery's consumer: its own worker command, run in this process."""

from collections.abc import Sequence

from celery import Celery

from qwenq.worker.log_set_up import heed_log_settings

TASK_MODULE = "qwenq.worker.tasks"


def run_consumer(app: Celery, *options: str, modules: Sequence[str] = ()) -> None:
    """Run Celery's worker command until it ends, with the worker's tasks and those of more modules."""
    heed_log_settings()
    app.conf.include = [TASK_MODULE, *modules]
    try:
        # --quiet leaves out the banner only, which is no log.
        app.worker_main(["--quiet", "worker", "--without-gossip", "--without-mingle", *options])
    except SystemExit as ended:
        if ended.code:
            raise
