"""Chunks: inserted by a producer, marked when announced."""

from collections.abc import Iterable, Sequence

from sqlalchemy import Connection, insert, select, update

from qwenq.schemas.chunks import PlannedChunk
from qwenq.schemas.states import ChunkState
from qwenq.schemas.tables.core import chunks
from qwenq.store.conditions import chunk_is_queued
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
    "cut",
    "empty",
    "reasoning_cut",
    "reasoning_ended",
)


def insert_chunks(connection: Connection, job_id: int, planned: Iterable[PlannedChunk]) -> None:
    """Insert chunks. A chunk of bad rows only is done at once."""
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


def mark_announced(connection: Connection, chunk_ids: Sequence[int]) -> None:
    """Note that the chunks' messages were sent.

    Skip chunks that another transaction locks: at worst they are announced twice, and nobody waits.
    """
    free = (
        select(chunks.c.id)
        .where(chunks.c.id.in_(chunk_ids), chunk_is_queued())
        .order_by(chunks.c.id)
        .with_for_update(skip_locked=True)
    )
    connection.execute(update(chunks).where(chunks.c.id.in_(free)).values(published_at=now()))
