"""A worker's claim of a chunk: taken, renewed, given back, finished. Each step checks the fence.

The fence is `chunks.attempt`: a claim raises it, so whoever held the chunk before can no longer write.
"""

from sqlalchemy import ColumnElement, Connection, Update, exists, select, update

from schemas.chunks import Assignment, Claim, Standing
from schemas.errors import LeaseLost
from schemas.generation import GenerationParams
from schemas.jobs import PromptSpec
from schemas.states import (
    UNFINISHED_DOCUMENT_STATES,
    ChunkState,
    DocumentState,
    JobState,
    WorkerState,
)
from schemas.tables import chunks, documents, jobs, workers
from store.clock import now
from store.documents import unfinished_documents
from store.jobs import end_job_if_done, hold_job, start_job


def claim_chunk(
    connection: Connection, chunk_id: int, model: str, worker_id: int, lease_seconds: float
) -> Claim | None:
    """Take a waiting chunk of a job of this model. None: there is nothing to take, which is no error."""
    chosen = (chunks.c.id == chunk_id) & exists().where(jobs.c.id == chunks.c.job_id, jobs.c.model == model)
    waiting = select(chunks.c.job_id).where(chosen, chunks.c.state == ChunkState.QUEUED)
    start_job(connection, waiting.scalar_subquery())
    return _take(connection, chosen, worker_id, lease_seconds)


def claim_next(
    connection: Connection, job_id: int, most_crashes: int, worker_id: int, lease_seconds: float
) -> Claim | None:
    """Take a job's first waiting chunk of no more crashes than this; those that others are taking are passed by."""
    start_job(connection, job_id)
    first = (
        select(chunks.c.id)
        .where(
            chunks.c.job_id == job_id,
            chunks.c.state == ChunkState.QUEUED,
            chunks.c.crashes <= most_crashes,
        )
        .order_by(chunks.c.first_seq)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    return _take(connection, chunks.c.id == first.scalar_subquery(), worker_id, lease_seconds)


def _take(
    connection: Connection, chosen: ColumnElement[bool], worker_id: int, lease_seconds: float
) -> Claim | None:
    row = connection.execute(
        update(chunks)
        .where(
            chosen,
            chunks.c.state == ChunkState.QUEUED,
            # Not QUEUED: a job that is resumed or retried only now was passed by when it was to be started.
            exists().where(jobs.c.id == chunks.c.job_id, jobs.c.state == JobState.RUNNING),
        )
        .values(
            state=ChunkState.RUNNING,
            attempt=chunks.c.attempt + 1,
            worker_id=worker_id,
            lease_expires_at=now(lease_seconds),
        )
        .returning(
            chunks.c.id.label("chunk_id"),
            chunks.c.job_id,
            chunks.c.attempt,
            chunks.c.first_seq,
            chunks.c.last_seq,
            chunks.c.crashes,
        )
    ).one_or_none()
    if row is None:
        return None
    claim = Claim(worker_id=worker_id, **row._mapping)  # noqa: SLF001
    connection.execute(_documents_of(claim, DocumentState.PENDING).values(state=DocumentState.RUNNING))
    return claim


def assignment_of(connection: Connection, claim: Claim) -> Assignment:
    """What the claim has to answer."""
    prompt, params, reuse = connection.execute(
        select(jobs.c.prompt, jobs.c.params, jobs.c.reuse).where(jobs.c.id == claim.job_id)
    ).one()
    return Assignment(
        claim=claim,
        prompt=PromptSpec.model_validate(prompt),
        params=GenerationParams.model_validate(params),
        documents=unfinished_documents(connection, claim),
        reuse=reuse,
    )


def hold_fence(connection: Connection, claim: Claim, lease_seconds: float | None) -> None:
    """Lock the chunk for this transaction, and renew its lease when seconds are given. Raises LeaseLost."""
    lease = chunks.c.lease_expires_at if lease_seconds is None else now(lease_seconds)
    held = connection.execute(
        update(chunks)
        .where(
            chunks.c.id == claim.chunk_id,
            chunks.c.attempt == claim.attempt,
            chunks.c.state == ChunkState.RUNNING,
            # SQLite gives the numbers of rows that were removed to new ones.
            chunks.c.job_id == claim.job_id,
            chunks.c.worker_id == claim.worker_id,
        )
        .values(lease_expires_at=lease)
    )
    if not held.rowcount:
        raise LeaseLost(chunk_id=claim.chunk_id, attempt=claim.attempt)


def standing_of(connection: Connection, claim: Claim) -> Standing:
    """How far the claim is, and whether its job and worker still want it answered."""
    finished = chunks.c.succeeded + chunks.c.failed + chunks.c.cancelled
    job, worker, unfinished = connection.execute(
        select(jobs.c.state, workers.c.state, chunks.c.documents - finished)
        .join_from(chunks, jobs, jobs.c.id == chunks.c.job_id)
        .join(workers, workers.c.id == claim.worker_id)
        .where(chunks.c.id == claim.chunk_id)
    ).one()
    return Standing(JobState(job), WorkerState(worker), unfinished)


def release_chunk(connection: Connection, claim: Claim) -> None:
    """Give the chunk back: what has no outcome waits for another worker. The caller holds the fence.

    Of a job that is cancelled by now, nothing waits any more: its chunk is dropped.
    """
    if hold_job(connection, claim.job_id) == JobState.CANCELLED:
        drop_chunk(connection, claim)
        return
    connection.execute(_documents_of(claim, DocumentState.RUNNING).values(state=DocumentState.PENDING))
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
    """Close a chunk whose documents all have their outcome. The caller holds the fence.

    Returns the state in which the job ended, if this was its last chunk.
    """
    connection.execute(
        update(chunks)
        .where(chunks.c.id == claim.chunk_id)
        .values(state=ChunkState.DONE, lease_expires_at=None, finished_at=now())
    )
    return end_job_if_done(connection, claim.job_id)


def drop_chunk(connection: Connection, claim: Claim) -> None:
    """Close a chunk of a cancelled job: what has no outcome is cancelled. The caller holds the fence."""
    dropped = connection.execute(
        _documents_of(claim, *UNFINISHED_DOCUMENT_STATES).values(state=DocumentState.CANCELLED)
    ).rowcount
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


def _documents_of(claim: Claim, *states: DocumentState) -> Update:
    return update(documents).where(
        documents.c.job_id == claim.job_id,
        documents.c.seq.between(claim.first_seq, claim.last_seq),
        documents.c.state.in_(states),
    )
