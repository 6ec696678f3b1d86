"""The weights that answer a job: those that began it, unless others are allowed."""

from sqlalchemy import Connection, exists, select, update

from qwenq.schemas.errors import JobNotPausable
from qwenq.schemas.states import JobChange
from qwenq.schemas.tables.core import jobs, workers
from qwenq.schemas.workers import LoadedWeights
from qwenq.store.conditions import right_worker_lives
from qwenq.store.life.jobs import note_change
from qwenq.store.life.pausing import pause_job
from qwenq.store.views.fleet.workers import ALIVE_SECONDS


def hold_job_for_weights(connection: Connection, job_id: int, worker_id: int) -> None:
    """Pause a job that this worker, with other weights than those of its answers, would go on with.

    A live worker that has the weights of its answers goes on with it instead.
    """
    served = exists().where(jobs.c.id == job_id, right_worker_lives(ALIVE_SECONDS))
    if connection.execute(select(served)).scalar_one():
        return
    try:
        pause_job(connection, job_id)
    except JobNotPausable:  # it was paused or cancelled meanwhile
        return
    name = connection.execute(select(workers.c.name).where(workers.c.id == worker_id)).scalar_one()
    note_change(connection, job_id, JobChange.HELD, name)


def allow_mixed_weights(connection: Connection, job_id: int) -> None:
    """Let workers with other weights go on with a job."""
    connection.execute(update(jobs).where(jobs.c.id == job_id).values(mixed_weights=True))


def weights_of_job(connection: Connection, job_id: int) -> LoadedWeights:
    """The weights that began a job; unknown ones if it has not begun."""
    return LoadedWeights(
        *connection.execute(select(jobs.c.revision, jobs.c.weights_digest).where(jobs.c.id == job_id)).one()
    )
