"""Metrics of generated batches."""

from collections.abc import Sequence
from dataclasses import asdict

from sqlalchemy import Connection, bindparam, insert, select

from qwenq.schemas.chunks import Claim
from qwenq.schemas.measures.answer_seconds import AnswerSeconds
from qwenq.schemas.requests import BatchMetrics
from qwenq.schemas.tables.core import batches, chunks, jobs
from qwenq.schemas.views.gauges import MeasuredBatch
from qwenq.store.database.clock import now

_INSERT = insert(batches).values(finished_at=now())
_IS_THERE = (
    select(jobs.c.id)
    .join_from(jobs, chunks, chunks.c.job_id == jobs.c.id)
    .where(jobs.c.id == bindparam("of_job"), chunks.c.id == bindparam("held_chunk"))
    .with_for_update(read=True, key_share=True, of=jobs)
)
SETTLED_SECONDS = 15.0
"""After so long no transaction is open any more that took a number for its batch before: PostgreSQL ends those which
wait for their client for IDLE_SECONDS."""
MOST_BATCHES = 2_000
_TOLD = select(
    batches.c.id,
    batches.c.model,
    batches.c.rows,
    batches.c.prompt_tokens,
    batches.c.padded_tokens,
    batches.c.prefix_tokens,
    batches.c.new_tokens,
    batches.c.seconds,
    batches.c.together,
    batches.c.answer_seconds,
)


def insert_batches(connection: Connection, claim: Claim, model: str, metrics: Sequence[BatchMetrics]) -> None:
    """Write what a worker measured. The caller holds the fence, or knows that the chunk is there."""
    if not metrics:
        return
    connection.execute(
        _INSERT,
        [
            {
                "job_id": claim.job_id,
                "chunk_id": claim.chunk_id,
                "worker_id": claim.worker_id,
                "model": model,
                "rows": batch.rows,
                "prompt_tokens": batch.prompt_tokens,
                "padded_tokens": batch.padded_tokens,
                "prefix_tokens": batch.prefix_tokens,
                "new_tokens": batch.new_tokens,
                "seconds": batch.seconds,
                "tokens_per_second": batch.tokens_per_second,
                "resident_bytes": batch.resident_bytes,
                "gpu_peak_bytes": batch.gpu_peak_bytes,
                "together": batch.together,
                "answer_seconds": asdict(batch.answer_seconds),
            }
            for batch in metrics
        ],
    )


def insert_late_batches(
    connection: Connection, claim: Claim, model: str, metrics: Sequence[BatchMetrics]
) -> None:
    """Write what was measured of a claim that is settled, unless the chunk is gone, with its job."""
    if _is_there(connection, claim):
        insert_batches(connection, claim, model, metrics)


def newest_told(connection: Connection) -> int:
    """The newest batch before which none can come to light any more; 0 where there is none."""
    newest: int | None = connection.execute(
        select(batches.c.id)
        .where(batches.c.finished_at <= now(-SETTLED_SECONDS))
        .order_by(batches.c.id.desc())
        .limit(1)
    ).scalar()
    return newest or 0


def batches_after(connection: Connection, after: int, up_to: int) -> list[MeasuredBatch]:
    """The batches with ids above `after`, oldest first, as many as can be read at once."""
    rows = connection.execute(
        _TOLD.where(batches.c.id > after, batches.c.id <= up_to).order_by(batches.c.id).limit(MOST_BATCHES)
    )
    # An older worker, beside an upgraded store, told nothing of its answers' seconds.
    return [
        MeasuredBatch(**{**row._mapping, "answer_seconds": AnswerSeconds(**(row.answer_seconds or {}))})  # noqa: SLF001
        for row in rows
    ]


def _is_there(connection: Connection, claim: Claim) -> bool:
    """Whether the claim's chunk is in the store, which its job then is until this transaction ends."""
    found = connection.execute(_IS_THERE, {"of_job": claim.job_id, "held_chunk": claim.chunk_id})
    return found.first() is not None
