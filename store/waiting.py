"""Which job's chunks a worker answers next: the order of the messages, read from the store itself."""

from sqlalchemy import Connection, case, exists, select

from schemas.chunks import CRASHES_IN_COMPANY
from schemas.jobs import Priority
from schemas.states import CLAIMABLE_JOB_STATES, ChunkState
from schemas.tables import chunks, jobs

_RANKS = {priority: rank for rank, priority in enumerate(Priority)}


def next_job(connection: Connection, model: str, most_crashes: int) -> int | None:
    """The model's oldest job of the first priority that has a waiting chunk of no more crashes than this."""
    waiting = exists().where(
        chunks.c.job_id == jobs.c.id,
        chunks.c.state == ChunkState.QUEUED,
        chunks.c.crashes <= most_crashes,
    )
    return connection.execute(
        select(jobs.c.id)
        .where(jobs.c.model == model, jobs.c.state.in_(CLAIMABLE_JOB_STATES), waiting)
        .order_by(case(_RANKS, value=jobs.c.priority), jobs.c.id)
        .limit(1)
    ).scalar_one_or_none()


def next_is_suspect(connection: Connection, job_id: int) -> bool:
    """Whether the job's next chunk must be answered with no other beside it."""
    crashes: int | None = connection.execute(
        select(chunks.c.crashes)
        .where(chunks.c.job_id == job_id, chunks.c.state == ChunkState.QUEUED)
        .order_by(chunks.c.first_seq)
        .limit(1)
    ).scalar_one_or_none()
    return crashes is not None and crashes > CRASHES_IN_COMPANY
