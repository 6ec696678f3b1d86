"""Waiting chunks, as announcements to the broker."""

from sqlalchemy import ColumnElement, Connection, exists, func, select

from qwenq.schemas.chunks import Announcement
from qwenq.schemas.tables.core import chunks, jobs, workers
from qwenq.store.conditions import chunk_waits, is_unannounced, may_answer
from qwenq.store.database.clock import now
from qwenq.store.views.fleet.workers import ALIVE_SECONDS


def unannounced_of_job(connection: Connection, job_id: int) -> list[Announcement]:
    """A job's waiting chunks that were not announced, in input order."""
    return _announcements(connection, jobs.c.id == job_id, is_unannounced())


def never_announced(connection: Connection, after_seconds: float) -> list[Announcement]:
    """Waiting chunks that were not announced although they were stored longer ago than this."""
    return _announcements(connection, is_unannounced(), chunks.c.created_at < now(-after_seconds))


def announced_before(connection: Connection, seconds_ago: float) -> list[Announcement]:
    """Waiting chunks that were last announced longer ago than this, oldest first."""
    return _announcements(connection, chunks.c.published_at < now(-seconds_ago))


def announced_for_worker(connection: Connection, worker_id: int, seconds_ago: float) -> list[Announcement]:
    """Waiting chunks that this worker may answer and that were last announced longer ago than this, oldest first."""
    its_own = exists().where(
        workers.c.id == worker_id,
        workers.c.model == jobs.c.model,
        may_answer(workers.c.revision, workers.c.weights_digest, ALIVE_SECONDS),
    )
    return _announcements(connection, its_own, chunks.c.published_at < now(-seconds_ago))


def count_waiting(connection: Connection) -> dict[str, int]:
    """Count the waiting chunks, by model."""
    rows = connection.execute(
        select(jobs.c.model, func.count().label("waiting"))
        .select_from(chunks.join(jobs, jobs.c.id == chunks.c.job_id))
        .where(chunk_waits())
        .group_by(jobs.c.model)
    )
    return {row.model: row.waiting for row in rows}


def _announcements(connection: Connection, *conditions: ColumnElement[bool]) -> list[Announcement]:
    rows = connection.execute(
        select(chunks.c.id, jobs.c.model, jobs.c.priority)
        .select_from(chunks.join(jobs, jobs.c.id == chunks.c.job_id))
        .where(chunk_waits(), *conditions)
        .order_by(func.coalesce(chunks.c.published_at, chunks.c.created_at), chunks.c.id)
    )
    return [Announcement(*row) for row in rows]
