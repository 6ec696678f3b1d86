"""A task's progress as a Celery event: Flower's task page shows it as the task's state and result."""

from contextlib import suppress
from typing import Any

from celery import Task
from kombu.exceptions import KombuError
from redis.exceptions import RedisError

from qwenq.worker.keeping.progress import ReportProgress, TurnProgress

PROGRESS = "task-progress"


def progress_reporter(task: "Task[..., Any]") -> ReportProgress:
    """Make the function that sends this task's progress, from any thread. It ignores a broker that is away."""
    # Read these now: another thread does not see the request.
    app, uuid, node = task.app, task.request.id, task.request.hostname

    def report(progress: TurnProgress) -> None:
        with (
            suppress(KombuError, RedisError, OSError),
            app.events.default_dispatcher(hostname=node) as events,
        ):
            # Flower's page shows only the fields that it knows, so the sentence goes where a result would be.
            events.send(
                PROGRESS, uuid=uuid, result=str(progress),
                job=progress.job_id, chunk=progress.chunk_id, attempt=progress.attempt,
                done=progress.done, documents=progress.documents,
            )  # fmt: skip

    return report
