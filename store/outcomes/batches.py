"""Write the metrics of generated batches."""

from collections.abc import Sequence
from dataclasses import asdict

from sqlalchemy import Connection, bindparam, insert, select

from qwenq.schemas.chunks import Claim
from qwenq.schemas.requests import BatchMetrics
from qwenq.schemas.tables.core import batches, chunks, jobs
from qwenq.store.database.clock import now
from qwenq.store.outcomes.usage import add_usage

_INSERT = insert(batches).values(finished_at=now())
_IS_THERE = (
    select(jobs.c.id)
    .join_from(jobs, chunks, chunks.c.job_id == jobs.c.id)
    .where(jobs.c.id == bindparam("of_job"), chunks.c.id == bindparam("held_chunk"))
    .with_for_update(read=True, key_share=True, of=jobs)
)


def insert_batches(connection: Connection, claim: Claim, model: str, metrics: Sequence[BatchMetrics]) -> None:
    """Insert what a worker measured. The caller holds the fence, or knows that the chunk exists."""
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
    seconds = sum(batch.seconds for batch in metrics)
    add_usage(connection, claim.job_id, claim.worker_id, {"device_seconds": seconds})


def insert_late_batches(
    connection: Connection, claim: Claim, model: str, metrics: Sequence[BatchMetrics]
) -> None:
    """Insert measurements of a claim that is over, unless its chunk was removed with its job."""
    if _is_there(connection, claim):
        insert_batches(connection, claim, model, metrics)


def _is_there(connection: Connection, claim: Claim) -> bool:
    """Whether the claim's chunk exists; if so, lock its job against removal in this transaction."""
    found = connection.execute(_IS_THERE, {"of_job": claim.job_id, "held_chunk": claim.chunk_id})
    return found.first() is not None
