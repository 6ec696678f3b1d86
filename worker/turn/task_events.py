"""A task's progress as a Celery event: Flower's task page shows it as the task's state, with what it says."""

from contextlib import suppress
from typing import Any

from celery import Task
from kombu.exceptions import KombuError
from redis.exceptions import RedisError

from qwenq.worker.keeping.progress import Tell, TurnProgress

PROGRESS = "task-progress"


def progress_teller(task: "Task[..., Any]") -> Tell:
    """What sends this run of the task's progress; called by any thread. A broker that is away does not matter."""
    # Read now: another thread does not see the request.
    app, uuid, node = task.app, task.request.id, task.request.hostname

    def tell(progress: TurnProgress) -> None:
        with (
            suppress(KombuError, RedisError, OSError),
            app.events.default_dispatcher(hostname=node) as events,
        ):
            # Of what an event brings, Flower's page shows known fields only: the sentence stands where a result would.
            events.send(
                PROGRESS, uuid=uuid, result=str(progress),
                job=progress.job_id, chunk=progress.chunk_id, attempt=progress.attempt,
                done=progress.done, documents=progress.documents,
            )  # fmt: skip

    return tell
