"""Idle workers, to whom others may give work."""

from sqlalchemy import Connection, exists, func, select

from qwenq.schemas.states import ChunkState
from qwenq.schemas.tables.core import chunks, jobs, workers
from qwenq.store.conditions import is_alive, may_answer
from qwenq.store.views.fleet.workers import ALIVE_SECONDS
from qwenq.store.views.work.next_job import next_job

FRESH_SECONDS = 10.0
"""An idle worker gave a sign of life within this time: several heartbeats."""


def count_idle(connection: Connection, model: str, most_crashes: int, giver_id: int) -> int:
    """Count the workers of a model that hold no chunk and can receive one of the giver's; 0 while a chunk waits.

    Workers with other weights than those that began its jobs cannot.
    """
    if next_job(connection, model, most_crashes) is not None:
        return 0
    holds = exists().where(chunks.c.worker_id == workers.c.id, chunks.c.state == ChunkState.RUNNING)
    given = chunks.alias("given")
    counted: int = connection.execute(
        select(func.count())
        .select_from(workers)
        .where(
            workers.c.model == model,
            # A worker that starts loads its model with its first chunk.
            is_alive(FRESH_SECONDS),
            workers.c.broker_error.is_(None),
            ~holds,
            exists()
            .where(
                given.c.worker_id == giver_id,
                given.c.state == ChunkState.RUNNING,
                jobs.c.id == given.c.job_id,
                may_answer(workers.c.revision, workers.c.weights_digest, ALIVE_SECONDS),
            )
            .correlate(workers),
        )
    ).scalar_one()
    return counted
