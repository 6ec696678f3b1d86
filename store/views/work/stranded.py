"""Quick checks whether any work is stranded. They need no broker."""

from sqlalchemy import ColumnElement, Connection, exists, select

from qwenq.schemas.tables.core import chunks, jobs
from qwenq.store.conditions import chunk_waits, is_alive, is_unannounced, lease_ran_out
from qwenq.store.database.clock import now


def has_lost_claims(connection: Connection) -> bool:
    """Whether the lease of any chunk ran out."""
    return _is_there(connection, exists().where(lease_ran_out()))


def has_unannounced(connection: Connection, stored_before: float) -> bool:
    """Whether a waiting chunk was not announced although it was stored longer ago than this."""
    unannounced = is_unannounced() & (chunks.c.created_at < now(-stored_before))
    return _is_there(connection, _waiting(unannounced))


def has_unserved(connection: Connection, announced_before: float, alive_within: float) -> bool:
    """Whether a chunk was announced longer ago than this and still waits, while no worker is alive."""
    if _is_there(connection, exists().where(is_alive(alive_within))):
        return False
    return _is_there(connection, _waiting(chunks.c.published_at < now(-announced_before)))


def _waiting(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    return exists().where(condition, jobs.c.id == chunks.c.job_id, chunk_waits())


def _is_there(connection: Connection, condition: ColumnElement[bool]) -> bool:
    return bool(connection.execute(select(condition)).scalar_one())
