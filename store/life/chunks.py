"""Chunks: stored by a producer, announced to workers."""

from collections.abc import Iterable, Sequence

from sqlalchemy import ColumnElement, Connection, func, insert, select, update

from qwenq.schemas.chunks import Notice, PlannedChunk
from qwenq.schemas.states import CLAIMABLE_JOB_STATES, ChunkState
from qwenq.schemas.tables.core import chunks, jobs
from qwenq.store.database.clock import now

_FROM_ZERO = (
    "attempt",
    "crashes",
    "succeeded",
    "cancelled",
    "prompt_tokens",
    "completion_tokens",
    "reasoning_tokens",
    "prefix_tokens",
    "reused",
)


def insert_chunks(connection: Connection, job_id: int, planned: Iterable[PlannedChunk]) -> None:
    """Store chunks; one that holds bad rows only is done before it begins."""
    values = [
        {
            "job_id": job_id,
            "first_seq": chunk.first_seq,
            "last_seq": chunk.last_seq,
            "state": ChunkState.DONE if chunk.rejected == chunk.documents else ChunkState.QUEUED,
            "documents": chunk.documents,
            "failed": chunk.rejected,
            **dict.fromkeys(_FROM_ZERO, 0),
        }
        for chunk in planned
    ]
    if values:
        connection.execute(insert(chunks).values(created_at=now()), values)


def unpublished_chunks(connection: Connection, job_id: int) -> list[Notice]:
    """A job's chunks that were never announced, in input order."""
    return _notices(connection, jobs.c.id == job_id, chunks.c.published_at.is_(None))


def never_published(connection: Connection, after_seconds: float) -> list[Notice]:
    """Waiting chunks that nobody announced, though they were stored longer ago than this."""
    return _notices(connection, chunks.c.published_at.is_(None), chunks.c.created_at < now(-after_seconds))


def published_before(connection: Connection, seconds_ago: float) -> list[Notice]:
    """Waiting chunks that were last announced longer ago than this, the longest ago first."""
    return _notices(connection, chunks.c.published_at < now(-seconds_ago))


def count_waiting(connection: Connection) -> dict[str, int]:
    """How many chunks wait for a worker, by model."""
    rows = connection.execute(
        select(jobs.c.model, func.count().label("waiting"))
        .select_from(chunks.join(jobs, jobs.c.id == chunks.c.job_id))
        .where(_waiting())
        .group_by(jobs.c.model)
    )
    return {row.model: row.waiting for row in rows}


def mark_published(connection: Connection, chunk_ids: Sequence[int]) -> None:
    """Note that the chunks' messages have been sent.

    A chunk that somebody else holds at this moment is passed by: it is announced twice at the worst, and nobody waits.
    """
    free = (
        select(chunks.c.id)
        .where(chunks.c.id.in_(chunk_ids), chunks.c.state == ChunkState.QUEUED)
        .order_by(chunks.c.id)
        .with_for_update(skip_locked=True)
    )
    connection.execute(update(chunks).where(chunks.c.id.in_(free)).values(published_at=now()))


def _waiting() -> ColumnElement[bool]:
    return (chunks.c.state == ChunkState.QUEUED) & jobs.c.state.in_(CLAIMABLE_JOB_STATES)


def _notices(connection: Connection, *conditions: ColumnElement[bool]) -> list[Notice]:
    rows = connection.execute(
        select(chunks.c.id, jobs.c.model, jobs.c.priority)
        .select_from(chunks.join(jobs, jobs.c.id == chunks.c.job_id))
        .where(_waiting(), *conditions)
        .order_by(func.coalesce(chunks.c.published_at, chunks.c.created_at), chunks.c.id)
    )
    return [Notice(*row) for row in rows]
