"""Conditions that several queries share, as SQL expressions. Each is stated once, here.

A condition on chunks that names a job's state needs `jobs` in its query, joined by the caller.
"""

from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    and_,
    case,
    cast,
    exists,
    false,
    func,
    literal,
    null,
    or_,
    select,
)

from qwenq.schemas.results import EmptyCause, FinishReason
from qwenq.schemas.service.stored import JOB_KEY
from qwenq.schemas.states import (
    CLAIMABLE_JOB_STATES,
    ENDED_BATCH_STATES,
    ENDED_JOB_STATES,
    ChunkState,
    DocumentState,
    JobState,
    StoredDocumentState,
    WorkerState,
)
from qwenq.schemas.tables.core import chunks, documents, jobs, results, workers
from qwenq.schemas.tables.schedules import schedule_runs
from qwenq.schemas.tables.service import api_batches
from qwenq.store.database.clock import now

REMOVING = "removing "
"""What the fence of a process begins with that removes a job."""
WHITE_SPACE = (
    "\t\n\v\f\r\x1c\x1d\x1e\x1f \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)
"""All that Python takes for white space. The databases take a space alone for it."""

# Not EXISTS: for a job without statistics, PostgreSQL would read all answers for each document.
_answer = (
    select(literal(1))
    .where(results.c.job_id == documents.c.job_id, results.c.seq == documents.c.seq)
    .correlate(documents)
    .scalar_subquery()
)


# Documents


def of_job(job_id: int | ColumnElement[int]) -> ColumnElement[bool]:
    """A document belongs to this job.

    The subquery hides the number: for a number without statistics PostgreSQL expects one row, and would read the whole
    job to find one document.
    """
    return documents.c.job_id == select(cast(job_id, BigInteger)).scalar_subquery()


def has_no_outcome() -> ColumnElement[bool]:
    """A document was not answered, did not fail and was not cancelled."""
    return (documents.c.state == StoredDocumentState.PENDING) & _answer.is_(None)


def is_unfinished(job_id: int | ColumnElement[int], first_seq: Any, last_seq: Any) -> ColumnElement[bool]:
    """A document of this job, from the first to the last place of the input, has no outcome."""
    return and_(of_job(job_id), documents.c.seq.between(first_seq, last_seq), has_no_outcome())


def document_state() -> ColumnElement[str]:
    """A document's state as shown: `running` follows from its chunk, `succeeded` from its answer.

    Neither a claim nor an answer writes to `documents`, whose rows hold the texts and are long to write.
    """
    is_claimed = exists().where(
        chunks.c.job_id == documents.c.job_id,
        documents.c.seq.between(chunks.c.first_seq, chunks.c.last_seq),
        chunks.c.state == ChunkState.RUNNING,
    )
    is_pending = documents.c.state == StoredDocumentState.PENDING
    return case(
        (_answer.is_not(None), literal(DocumentState.SUCCEEDED.value)),
        (and_(is_pending, is_claimed), literal(DocumentState.RUNNING.value)),
        else_=documents.c.state,
    )


# Answers


def why_empty() -> ColumnElement[str | None]:
    """Why an answer has no text, as `qwenq.schemas.results.empty_cause` says it; null if it has text."""
    is_empty = func.trim(results.c.text, WHITE_SPACE) == ""
    is_cut = results.c.finish_reason == FinishReason.LENGTH
    # A document without an answer has no text to compare, and no cause.
    return case(
        (is_empty & results.c.reasoning.is_(None), literal(EmptyCause.NO_TEXT.value)),
        (is_empty & is_cut, literal(EmptyCause.REASONING_CUT.value)),
        (is_empty, literal(EmptyCause.REASONING_ENDED.value)),
        else_=null(),
    )


# Chunks


def outcomes_of_chunk() -> ColumnElement[int]:
    """How many documents of a chunk have their outcome."""
    return chunks.c.succeeded + chunks.c.failed + chunks.c.cancelled


def unfinished_of_chunk() -> ColumnElement[int]:
    """How many documents of a chunk have no outcome."""
    return chunks.c.documents - chunks.c.succeeded - chunks.c.failed - chunks.c.cancelled


def chunk_is_queued() -> ColumnElement[bool]:
    """A chunk waits for a worker, whatever its job's state."""
    return chunks.c.state == ChunkState.QUEUED


def chunk_waits() -> ColumnElement[bool]:
    """A chunk waits for a worker, and its job can be claimed. Needs `jobs` in the query."""
    return and_(chunk_is_queued(), job_is_claimable())


def is_unannounced() -> ColumnElement[bool]:
    """No message of a chunk was sent since it was last queued."""
    return chunks.c.published_at.is_(None)


def lease_ran_out() -> ColumnElement[bool]:
    """A chunk's worker did not renew its lease in time."""
    return and_(chunks.c.state == ChunkState.RUNNING, chunks.c.lease_expires_at < now())


# Jobs


def job_is_claimable() -> ColumnElement[bool]:
    """A job's chunks may be claimed."""
    return jobs.c.state.in_(CLAIMABLE_JOB_STATES)


def is_abandoned() -> ColumnElement[bool]:
    """A job is half, and the lease of its process ran out."""
    expired = or_(jobs.c.holder_expires_at.is_(None), jobs.c.holder_expires_at < now())
    return and_(jobs.c.state == JobState.VALIDATING, expired)


def is_being_removed() -> ColumnElement[bool]:
    """A process removes a job."""
    return and_(jobs.c.state == JobState.VALIDATING, func.coalesce(jobs.c.holder, "").startswith(REMOVING))


def has_ended(seconds_ago: float) -> ColumnElement[bool]:
    """A job ended this many seconds ago or earlier, and no worker holds a chunk of it, as after a cancel."""
    held = chunks.alias()
    is_held = exists().where(held.c.job_id == jobs.c.id, held.c.state == ChunkState.RUNNING)
    return and_(jobs.c.state.in_(ENDED_JOB_STATES), jobs.c.finished_at <= now(-seconds_ago), ~is_held)


def is_awaited() -> ColumnElement[bool]:
    """A batch of the HTTP service still needs a job's answers for its files."""
    of_job = JOB_KEY + api_batches.c.id == jobs.c.idempotency_key
    return exists().where(of_job, api_batches.c.state.not_in(ENDED_BATCH_STATES))


def is_removable(ended: float) -> ColumnElement[bool]:
    """A job ended this many seconds ago or earlier, and nobody needs it any more."""
    return and_(has_ended(ended), ~is_awaited())


def is_prunable(ended: float | None) -> ColumnElement[bool]:
    """A half job is abandoned, or a job ended this many seconds ago (None: only abandoned half jobs)."""
    return or_(is_abandoned(), false() if ended is None else is_removable(ended))


# Workers


def is_alive(within_seconds: float) -> ColumnElement[bool]:
    """A worker can claim, and gave a sign of life within this time."""
    return and_(
        workers.c.state.in_((WorkerState.STARTING, WorkerState.READY)),
        workers.c.heartbeat_at > now(-within_seconds),
    )


def right_worker_lives(within_seconds: float) -> ColumnElement[bool]:
    """A live worker has the weights that began a job. Needs `jobs` in the query."""
    same = or_(workers.c.revision == jobs.c.revision, workers.c.weights_digest == jobs.c.weights_digest)
    return exists().where(workers.c.model == jobs.c.model, same, is_alive(within_seconds)).correlate(jobs)


def may_answer(
    revision: ColumnElement[Any], digest: ColumnElement[Any], within_seconds: float
) -> ColumnElement[bool]:
    """A worker with these weights may go on with a job: no others began it, or others are allowed or all that is left.

    Needs `jobs` in the query.
    """
    return or_(
        jobs.c.mixed_weights,
        jobs.c.revision.is_(None),
        revision.is_(None),
        jobs.c.revision == revision,
        jobs.c.weights_digest == digest,
        ~right_worker_lives(within_seconds),
    )


def was_silent_for(seconds: float) -> ColumnElement[bool]:
    """A worker gave no sign of life for this many seconds."""
    return workers.c.heartbeat_at < now(-seconds)


# Runs of schedules


def is_old_run(ended: float) -> ColumnElement[bool]:
    """A run ended this many seconds ago, and is not its schedule's newest."""
    later = schedule_runs.alias("later")
    has_later = exists().where(
        later.c.schedule_id == schedule_runs.c.schedule_id, later.c.due_at > schedule_runs.c.due_at
    )
    return and_(schedule_runs.c.finished_at <= now(-ended), has_later)
