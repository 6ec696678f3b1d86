"""The whole store in a few sums. Chunks carry the counts, so that a million documents are thousands of rows."""

from collections import Counter
from collections.abc import Mapping

from sqlalchemy import Connection, func, select, text

from schemas.gauges import Gauges, Waiting
from schemas.states import (
    CLAIMABLE_JOB_STATES,
    ENDED_JOB_STATES,
    ChunkState,
    DocumentState,
    JobState,
)
from schemas.tables import chunks, documents, jobs
from store.batches import batches_after, newest_told
from store.clock import seconds_since
from store.fleet import read_fleet

_finished = chunks.c.succeeded + chunks.c.failed + chunks.c.cancelled
_TOTALS = (
    select(
        jobs.c.state.label("job_state"),
        chunks.c.state,
        func.sum(chunks.c.documents - _finished).label("unfinished"),
        func.sum(chunks.c.succeeded).label("succeeded"),
        func.sum(chunks.c.failed).label("failed"),
        func.sum(chunks.c.cancelled).label("cancelled"),
        func.sum(chunks.c.attempt).label("attempts"),
        func.sum(chunks.c.rescues).label("rescues"),
    )
    .join_from(chunks, jobs, jobs.c.id == chunks.c.job_id)
    .group_by(jobs.c.state, chunks.c.state)
)
_WAITING = (
    select(
        jobs.c.model,
        func.count().label("chunks"),
        func.sum(chunks.c.documents - _finished).label("documents"),
        # Of one that is retried or resumed, when that was.
        seconds_since(func.min(func.coalesce(chunks.c.published_at, chunks.c.created_at))).label("oldest"),
    )
    .join_from(chunks, jobs, jobs.c.id == chunks.c.job_id)
    .where(chunks.c.state == ChunkState.QUEUED, jobs.c.state.in_(CLAIMABLE_JOB_STATES))
    .group_by(jobs.c.model)
)
# The very words of the index, which a parameter would hide from the planner.
_POISON = select(func.count()).select_from(documents).where(text("error_code = 'poison'"))


def read_gauges(connection: Connection, after_batch: int | None) -> Gauges:
    """Where everything stands, and the batches after this one; with None, none of them."""
    totals = connection.execute(_TOTALS).all()
    every: Counter[DocumentState] = Counter()
    of_open: Counter[DocumentState] = Counter()
    for row in totals:
        counted = {
            DocumentState.SUCCEEDED: int(row.succeeded),
            DocumentState.FAILED: int(row.failed),
            DocumentState.CANCELLED: int(row.cancelled),
        }
        unfinished = DocumentState.RUNNING if row.state == ChunkState.RUNNING else DocumentState.PENDING
        counted[unfinished] = int(row.unfinished)
        every.update(counted)
        if row.job_state not in ENDED_JOB_STATES:
            of_open.update(counted)
    newest = newest_told(connection)
    return Gauges(
        jobs=_jobs_by_state(connection),
        documents=every,
        open_documents=of_open,
        waiting=_waiting_by_model(connection),
        workers=read_fleet(connection, most_earlier=0).workers,
        attempts=sum(int(row.attempts) for row in totals),
        rescues=sum(int(row.rescues) for row in totals),
        poison_documents=connection.execute(_POISON).scalar_one(),
        batches=() if after_batch is None else batches_after(connection, after_batch, newest),
        newest_batch=newest,
    )


def _jobs_by_state(connection: Connection) -> Mapping[JobState, int]:
    rows = connection.execute(select(jobs.c.state, func.count()).group_by(jobs.c.state))
    return {JobState(state): count for state, count in rows}


def _waiting_by_model(connection: Connection) -> Mapping[str, Waiting]:
    rows = connection.execute(_WAITING)
    return {row.model: Waiting(row.chunks, int(row.documents), max(0.0, row.oldest)) for row in rows}
