"""Whether anything is stranded: quick looks that write nothing and need no broker."""

from sqlalchemy import ColumnElement, Connection, exists, select

from qwenq.schemas.states import CLAIMABLE_JOB_STATES, ChunkState, WorkerState
from qwenq.schemas.tables.core import chunks, jobs, workers
from qwenq.store.database.clock import now


def has_lost_claims(connection: Connection) -> bool:
    """Whether a chunk's lease has run out."""
    return _is_there(
        connection,
        exists().where(chunks.c.state == ChunkState.RUNNING, chunks.c.lease_expires_at < now()),
    )


def has_unannounced(connection: Connection, stored_before: float) -> bool:
    """Whether a chunk waits that nobody announced, though it was stored longer ago than this."""
    unannounced = chunks.c.published_at.is_(None) & (chunks.c.created_at < now(-stored_before))
    return _is_there(connection, _waiting(unannounced))


def has_unheard(connection: Connection, announced_before: float, alive_within: float) -> bool:
    """Whether a chunk waits that was announced longer ago than this, while no worker is alive to see to it."""
    alive = exists().where(
        workers.c.state.in_((WorkerState.STARTING, WorkerState.READY)),
        workers.c.heartbeat_at > now(-alive_within),
    )
    if _is_there(connection, alive):
        return False
    return _is_there(connection, _waiting(chunks.c.published_at < now(-announced_before)))


def _waiting(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    return exists().where(
        chunks.c.state == ChunkState.QUEUED,
        condition,
        jobs.c.id == chunks.c.job_id,
        jobs.c.state.in_(CLAIMABLE_JOB_STATES),
    )


def _is_there(connection: Connection, condition: ColumnElement[bool]) -> bool:
    return bool(connection.execute(select(condition)).scalar_one())
