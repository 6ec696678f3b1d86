"""A worker's claim of a chunk: claimed, renewed, released, finished. Each step checks the fence.

The fence is `chunks.attempt`: a claim raises it, so an earlier holder can no longer write.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import ColumnElement, Connection, Update, bindparam, exists, select, update
from sqlalchemy.sql.dml import ReturningUpdate

from qwenq.schemas.chunks import Claim, Standing
from qwenq.schemas.errors import LeaseLost
from qwenq.schemas.log.events import Event
from qwenq.schemas.states import ChunkState, JobState, StoredDocumentState, WorkerState
from qwenq.schemas.tables.core import chunks, documents, jobs, workers
from qwenq.schemas.workers import UNKNOWN_WEIGHTS, LoadedWeights
from qwenq.store.conditions import chunk_is_queued, is_unfinished, unfinished_of_chunk
from qwenq.store.database.clock import now, now_and
from qwenq.store.database.transitions import note_transition
from qwenq.store.life.jobs import end_job_if_done, hold_job, start_job

_IS_CHOSEN = (chunks.c.id == bindparam("chosen_chunk")) & exists().where(
    jobs.c.id == chunks.c.job_id, jobs.c.model == bindparam("of_model")
)
_IS_NEXT = chunks.c.id == (
    select(chunks.c.id)
    .where(
        chunks.c.job_id == bindparam("of_job"),
        chunk_is_queued(),
        chunks.c.crashes <= bindparam("most_crashes"),
    )
    .order_by(chunks.c.first_seq)
    .limit(1)
    .with_for_update(skip_locked=True)
    .scalar_subquery()
)


def _claiming(which: ColumnElement[bool]) -> ReturningUpdate[Any]:
    return (
        update(chunks)
        .where(
            which,
            chunk_is_queued(),
            # Not QUEUED: start_job skipped a job that was resumed or retried only after it.
            exists().where(jobs.c.id == chunks.c.job_id, jobs.c.state == JobState.RUNNING),
        )
        .values(
            state=ChunkState.RUNNING,
            attempt=chunks.c.attempt + 1,
            worker_id=bindparam("by_worker"),
            lease_expires_at=now_and("lease_seconds"),
        )
        .returning(
            chunks.c.id.label("chunk_id"),
            chunks.c.job_id,
            chunks.c.attempt,
            chunks.c.first_seq,
            chunks.c.last_seq,
            chunks.c.crashes,
        )
    )


# Built once: building them takes longer than running them, and a worker runs them for each chunk.
_CLAIM_CHOSEN, _CLAIM_NEXT = _claiming(_IS_CHOSEN), _claiming(_IS_NEXT)
_JOB_OF_CHOSEN = select(chunks.c.job_id).where(_IS_CHOSEN, chunk_is_queued())
_HOLD = update(chunks).where(
    chunks.c.id == bindparam("held_chunk"),
    chunks.c.attempt == bindparam("at_attempt"),
    chunks.c.state == ChunkState.RUNNING,
    # SQLite reuses the numbers of removed rows.
    chunks.c.job_id == bindparam("of_job"),
    chunks.c.worker_id == bindparam("by_worker"),
)
_FINISH = (
    update(chunks)
    .where(chunks.c.id == bindparam("held_chunk"))
    .values(state=ChunkState.DONE, lease_expires_at=None, finished_at=now())
)
_STANDING = (
    select(jobs.c.state).where(jobs.c.id == chunks.c.job_id).scalar_subquery(),
    select(workers.c.state).where(workers.c.id == chunks.c.worker_id).scalar_subquery(),
    unfinished_of_chunk(),
)
_RENEW = _HOLD.values(lease_expires_at=now_and("lease_seconds")).returning(*_STANDING)
_HOLD_ONLY = _HOLD.values(lease_expires_at=chunks.c.lease_expires_at).returning(*_STANDING)


def claim_chunk(
    connection: Connection,
    chunk_id: int,
    model: str,
    worker_id: int,
    lease_seconds: float,
    weights: LoadedWeights = UNKNOWN_WEIGHTS,
) -> Claim | None:
    """Claim this chunk, if it waits and its job has this model. None: it cannot be claimed, which is no error.

    A job that begins keeps the `weights`.
    """
    chosen = {"chosen_chunk": chunk_id, "of_model": model}
    job_id = connection.execute(_JOB_OF_CHOSEN, chosen).scalar_one_or_none()
    if job_id is None:
        return None
    start_job(connection, job_id, weights)
    return _claim(connection, _CLAIM_CHOSEN, chosen, worker_id, lease_seconds)


def claim_next(
    connection: Connection,
    job_id: int,
    most_crashes: int,
    worker_id: int,
    lease_seconds: float,
    weights: LoadedWeights = UNKNOWN_WEIGHTS,
) -> Claim | None:
    """Claim a job's first waiting chunk with at most this many crashes; skip chunks that others lock.

    A job that begins keeps the `weights`.
    """
    start_job(connection, job_id, weights)
    wanted = {"of_job": job_id, "most_crashes": most_crashes}
    return _claim(connection, _CLAIM_NEXT, wanted, worker_id, lease_seconds)


def _claim(
    connection: Connection,
    claiming: ReturningUpdate[Any],
    wanted: Mapping[str, Any],
    worker_id: int,
    lease_seconds: float,
) -> Claim | None:
    given = {**wanted, "by_worker": worker_id, "lease_seconds": lease_seconds}
    row = connection.execute(claiming, given).one_or_none()
    if row is None:
        return None
    claim = Claim(worker_id=worker_id, **row._mapping)  # noqa: SLF001
    note_claim(connection, Event.CHUNK_CLAIMED, claim)
    return claim


def hold_fence(connection: Connection, claim: Claim, lease_seconds: float | None) -> Standing:
    """Lock the chunk for this transaction, and renew its lease if seconds are given. Returns the claim's standing.

    Raises LeaseLost.
    """
    given = {
        "held_chunk": claim.chunk_id,
        "at_attempt": claim.attempt,
        "of_job": claim.job_id,
        "by_worker": claim.worker_id,
    }
    if lease_seconds is None:
        held = connection.execute(_HOLD_ONLY, given).one_or_none()
    else:
        held = connection.execute(_RENEW, {**given, "lease_seconds": lease_seconds}).one_or_none()
    if held is None:
        raise LeaseLost(chunk_id=claim.chunk_id, attempt=claim.attempt)
    job, worker, unfinished = held
    return Standing(JobState(job), WorkerState(worker), unfinished)


def release_chunk(connection: Connection, claim: Claim) -> None:
    """Give the chunk back: documents without an outcome wait for another worker. The caller holds the fence.

    If the job was cancelled meanwhile, drop the chunk instead.
    """
    if hold_job(connection, claim.job_id) == JobState.CANCELLED:
        drop_chunk(connection, claim)
        return
    requeue_chunk(connection, claim)
    note_claim(connection, Event.CHUNK_RELEASED, claim)


def requeue_chunk(connection: Connection, claim: Claim) -> None:
    """Queue the chunk again. The caller holds the fence, and the job is not cancelled."""
    connection.execute(
        update(chunks)
        .where(chunks.c.id == claim.chunk_id)
        .values(
            state=ChunkState.QUEUED,
            worker_id=None,
            lease_expires_at=None,
            published_at=None,
        )
    )


def finish_chunk(connection: Connection, claim: Claim) -> JobState | None:
    """Close a chunk whose documents all have an outcome. The caller holds the fence.

    Returns the state in which the job ended, if this was its last chunk.
    """
    connection.execute(_FINISH, {"held_chunk": claim.chunk_id})
    note_claim(connection, Event.CHUNK_FINISHED, claim)
    return end_job_if_done(connection, claim.job_id)


def drop_chunk(connection: Connection, claim: Claim) -> None:
    """Close a chunk of a cancelled job: cancel its documents without an outcome. The caller holds the fence."""
    dropped = connection.execute(_unfinished_of(claim).values(state=StoredDocumentState.CANCELLED)).rowcount
    connection.execute(
        update(chunks)
        .where(chunks.c.id == claim.chunk_id)
        .values(
            state=ChunkState.DONE,
            lease_expires_at=None,
            finished_at=now(),
            cancelled=chunks.c.cancelled + dropped,
        )
    )
    note_claim(connection, Event.CHUNK_DROPPED, claim)


def note_claim(connection: Connection, event: Event, claim: Claim, **facts: int) -> None:
    """Note a transition of a claimed chunk, with the ids of the claim."""
    note_transition(connection, event, **claim.ids, **facts)


def _unfinished_of(claim: Claim) -> Update:
    return update(documents).where(is_unfinished(claim.job_id, claim.first_seq, claim.last_seq))
