"""Idle workers, to whom others may give work."""

from sqlalchemy import Connection, exists, func, select

from qwenq.schemas.states import ChunkState
from qwenq.schemas.tables.core import chunks, workers
from qwenq.store.conditions import is_alive
from qwenq.store.views.work.next_job import next_job

FRESH_SECONDS = 10.0
"""An idle worker gave a sign of life within this time: several heartbeats."""


def count_idle(connection: Connection, model: str, most_crashes: int) -> int:
    """Count the workers of a model that hold no chunk and can receive one; 0 while a chunk waits for them."""
    if next_job(connection, model, most_crashes) is not None:
        return 0
    holds = exists().where(chunks.c.worker_id == workers.c.id, chunks.c.state == ChunkState.RUNNING)
    counted: int = connection.execute(
        select(func.count())
        .select_from(workers)
        .where(
            workers.c.model == model,
            # A worker that starts loads its model with its first chunk.
            is_alive(FRESH_SECONDS),
            workers.c.broker_error.is_(None),
            ~holds,
        )
    ).scalar_one()
    return counted
