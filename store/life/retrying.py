"""Retrying: failed documents wait again in their chunks; how they failed is kept as history."""

from collections.abc import Collection

from sqlalchemy import ColumnElement, Connection, and_, case, func, insert, select, update

from qwenq.schemas.chunks import CRASHES_IN_COMPANY
from qwenq.schemas.errors import JobNotRetryable, NothingToRetry
from qwenq.schemas.generation import GenerationParams
from qwenq.schemas.log.events import Event
from qwenq.schemas.states import ChunkState, JobState, StoredDocumentState
from qwenq.schemas.tables.core import chunks, documents, failures, jobs
from qwenq.store.database.transitions import note_transition
from qwenq.store.life.halving import split_chunk
from qwenq.store.life.jobs import hold_job
from qwenq.store.life.rescue import POISON
from qwenq.store.schedules.deliveries import deliver_after_retry
from qwenq.store.schedules.job_notices import notify_again

_AWAIT_ITS_END = "retry it once it has ended; `qwenq status {job_id} --watch` follows it"
_REMEDIES = {
    JobState.VALIDATING: _AWAIT_ITS_END,
    JobState.QUEUED: _AWAIT_ITS_END,
    JobState.RUNNING: _AWAIT_ITS_END,
    JobState.PAUSED: "resume it with `qwenq resume {job_id}`, and retry it once it has ended",
    JobState.CANCELLED: "cancelled documents cannot run again; submit them as a new job",
}


def retry_failed(
    connection: Connection,
    job_id: int,
    codes: Collection[str] = (),
    max_new_tokens: int | None = None,
    *,
    with_cancelled: bool = False,
) -> int:
    """Queue the failed documents of an ended job again: those with some error codes, or all.

    With `max_new_tokens`, the job has this limit from now on; a limit in a row stays. `with_cancelled`: also those of a
    cancelled job that were cancelled; the caller knows that no worker holds a chunk of it.

    Bad rows stay as they are. A poison document gets a chunk of its own, which stays a suspect: it is answered alone.
    Returns how many wait. Raises JobNotRetryable, NothingToRetry, InvalidParameter.
    """
    state = hold_job(connection, job_id)
    if state in _REMEDIES and not (with_cancelled and state is JobState.CANCELLED):
        remedy = _REMEDIES[state].format(job_id=job_id)
        raise JobNotRetryable(job_id=job_id, state=state, remedy=remedy)
    chosen = _chosen(job_id, codes, with_cancelled=with_cancelled)
    _keep_history(connection, chosen & (documents.c.state == StoredDocumentState.FAILED))
    _isolate(connection, job_id, chosen & (documents.c.error_code == POISON))
    _reopen_chunks(connection, job_id, chosen)
    retried = connection.execute(
        update(documents)
        .where(chosen)
        .values(state=StoredDocumentState.PENDING, error_code=None, error_message=None)
    ).rowcount
    if not retried:
        raise _nothing_to_retry(connection, job_id, codes)
    connection.execute(
        update(jobs)
        .where(jobs.c.id == job_id)
        .values(state=JobState.QUEUED, idle_since=jobs.c.finished_at, finished_at=None)
    )
    if max_new_tokens is not None:
        _raise_limit(connection, job_id, max_new_tokens)
    deliver_after_retry(connection, job_id)
    notify_again(connection, job_id)
    note_transition(connection, Event.JOB_RETRIED, job=job_id, documents=retried)
    return retried


def _raise_limit(connection: Connection, job_id: int, max_new_tokens: int) -> None:
    stored = connection.execute(select(jobs.c.params).where(jobs.c.id == job_id)).scalar_one()
    params = GenerationParams.model_validate(stored).overlaid({"max_new_tokens": max_new_tokens})
    values = {
        "params": params.model_dump(mode="json"),
        # An idempotency key names the request as it was submitted.
        "first_params": func.coalesce(jobs.c.first_params, jobs.c.params),
    }
    connection.execute(update(jobs).where(jobs.c.id == job_id).values(values))


def _chosen(job_id: int, codes: Collection[str], *, with_cancelled: bool) -> ColumnElement[bool]:
    states = [StoredDocumentState.FAILED, *([StoredDocumentState.CANCELLED] if with_cancelled else [])]
    chosen = and_(
        documents.c.job_id == job_id,
        documents.c.state.in_(states),
        documents.c.custom_id.is_not(None),
    )
    return chosen & documents.c.error_code.in_(codes) if codes else chosen


def _keep_history(connection: Connection, chosen: ColumnElement[bool]) -> None:
    rounds = select(func.count() + 1).where(
        failures.c.job_id == documents.c.job_id, failures.c.seq == documents.c.seq
    )
    # Not BETWEEN: so the index finds the one chunk that holds the document.
    done_at = (
        select(chunks.c.finished_at)
        .where(chunks.c.job_id == documents.c.job_id, chunks.c.first_seq <= documents.c.seq)
        .order_by(chunks.c.first_seq.desc())
        .limit(1)
    )
    kept = select(
        documents.c.job_id,
        documents.c.seq,
        rounds.scalar_subquery(),
        documents.c.error_code,
        documents.c.error_message,
        done_at.scalar_subquery(),
    ).where(chosen)
    connection.execute(insert(failures).from_select([column.name for column in failures.columns], kept))


def _isolate(connection: Connection, job_id: int, poisonous: ColumnElement[bool]) -> None:
    """Give each of these documents a chunk of its own."""
    for seq in connection.execute(select(documents.c.seq).where(poisonous)).scalars().all():
        chunk_id, first_seq, last_seq = connection.execute(
            select(chunks.c.id, chunks.c.first_seq, chunks.c.last_seq)
            .where(chunks.c.job_id == job_id, chunks.c.first_seq <= seq)
            .order_by(chunks.c.first_seq.desc())
            .limit(1)
        ).one()
        if first_seq < seq:
            chunk_id = split_chunk(connection, chunk_id, seq)
        if seq < last_seq:
            split_chunk(connection, chunk_id, seq + 1)


def _reopen_chunks(connection: Connection, job_id: int, chosen: ColumnElement[bool]) -> None:
    """Queue the chunks of these documents. The next claim raises the fence above any earlier round's."""
    held = chosen & documents.c.seq.between(chunks.c.first_seq, chunks.c.last_seq)

    def counted(state: StoredDocumentState) -> ColumnElement[int]:
        of_state = select(func.count()).select_from(documents).where(held, documents.c.state == state)
        return of_state.scalar_subquery()

    failed, cancelled = counted(StoredDocumentState.FAILED), counted(StoredDocumentState.CANCELLED)
    poisonous = select(documents.c.seq).where(held, documents.c.error_code == POISON).exists()
    connection.execute(
        update(chunks)
        .where(chunks.c.job_id == job_id, chunks.c.failed + chunks.c.cancelled > 0, failed + cancelled > 0)
        .values(
            state=ChunkState.QUEUED,
            crashes=case((poisonous, CRASHES_IN_COMPANY + 1), else_=0),
            failed=chunks.c.failed - failed,
            cancelled=chunks.c.cancelled - cancelled,
            worker_id=None,
            published_at=None,
            finished_at=None,
        )
    )


def _nothing_to_retry(connection: Connection, job_id: int, codes: Collection[str]) -> NothingToRetry:
    by_code = connection.execute(
        select(documents.c.error_code, func.count(), func.count() - func.count(documents.c.custom_id))
        .where(documents.c.job_id == job_id, documents.c.state == StoredDocumentState.FAILED)
        .group_by(documents.c.error_code)
        .order_by(documents.c.error_code)
    ).all()
    reason = "no document failed"
    if by_code:
        reason = "the failed documents are " + ", ".join(
            f"{code} ({failed:,})" for code, failed, _ in by_code
        )
    if bad := sum(bad for _, _, bad in by_code):
        reason += f"; {bad:,} of them are bad rows, which cannot run: correct the input and submit it again"
    among = f" with the code {' or '.join(codes)}" if codes else ""
    return NothingToRetry(job_id=job_id, among=among, reason=reason)
