"""Metrics of generated batches."""

from collections.abc import Sequence

from sqlalchemy import Connection, insert

from schemas.chunks import Claim
from schemas.requests import BatchMetrics
from schemas.tables import batches
from store.clock import now


def insert_batches(connection: Connection, claim: Claim, model: str, metrics: Sequence[BatchMetrics]) -> None:
    """Write what a worker measured."""
    if not metrics:
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
