"""Metrics of generated batches."""

from collections.abc import Sequence

from sqlalchemy import Connection, insert, select

from schemas.chunks import Claim
from schemas.requests import BatchMetrics
from schemas.tables import batches, chunks, jobs
from store.clock import now


def insert_batches(connection: Connection, claim: Claim, model: str, metrics: Sequence[BatchMetrics]) -> None:
    """Write what a worker measured, unless the chunk is gone: of a job that was removed nothing is told any more."""
    if not metrics or not _is_there(connection, claim):
        return
    connection.execute(
        insert(batches).values(finished_at=now()),
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
            }
            for batch in metrics
        ],
    )


def _is_there(connection: Connection, claim: Claim) -> bool:
    """Whether the claim's chunk is in the store, which its job then is until this transaction ends."""
    found = (
        select(jobs.c.id)
        .join_from(jobs, chunks, chunks.c.job_id == jobs.c.id)
        .where(jobs.c.id == claim.job_id, chunks.c.id == claim.chunk_id)
        .with_for_update(read=True, key_share=True, of=jobs)
    )
    return connection.execute(found).first() is not None
