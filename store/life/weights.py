"""The weights that answer a job: one revision of its model, unless others are allowed."""

from sqlalchemy import Connection, select, update

from qwenq.schemas.errors import JobNotPausable
from qwenq.schemas.states import JobChange
from qwenq.schemas.tables.core import jobs, workers
from qwenq.store.life.jobs import note_change
from qwenq.store.life.pausing import pause_job


def hold_job_for_weights(connection: Connection, job_id: int, worker_id: int) -> None:
    """Pause a job that this worker, with other weights than those of its answers, would go on with."""
    try:
        pause_job(connection, job_id)
    except JobNotPausable:  # it was paused or cancelled meanwhile
        return
    name = connection.execute(select(workers.c.name).where(workers.c.id == worker_id)).scalar_one()
    note_change(connection, job_id, JobChange.HELD, name)


def allow_mixed_weights(connection: Connection, job_id: int) -> None:
    """Let workers with other weights go on with a job."""
    connection.execute(update(jobs).where(jobs.c.id == job_id).values(mixed_weights=True))


def revision_of_job(connection: Connection, job_id: int) -> str | None:
    """The revision of the model that began a job; None if it has not begun, or if that is not known."""
    revision: str | None = connection.execute(select(jobs.c.revision).where(jobs.c.id == job_id)).scalar_one()
    return revision
