"""The whole store in a few sums. Chunks carry the counts, so a million documents are thousands of rows."""

from collections.abc import Mapping

from sqlalchemy import Connection, func, select, text

from qwenq.schemas.results import incomplete_answers
from qwenq.schemas.states import ENDED_JOB_STATES, DocumentState, JobState
from qwenq.schemas.tables.core import chunks, documents, jobs
from qwenq.schemas.views.gauges import ChunkSums, Gauges, RestedJobs, Waiting
from qwenq.store.conditions import chunk_waits, unfinished_of_chunk
from qwenq.store.database.clock import seconds_since
from qwenq.store.views.fleet.fleet import read_fleet
from qwenq.store.views.monitoring.batches import batches_after, newest_readable
from qwenq.store.views.monitoring.chunk_sums import documents_in_work, ending_sums, open_sums, rested_sums

_WAITING = (
    select(
        jobs.c.model,
        func.count().label("chunks"),
        func.sum(unfinished_of_chunk()).label("documents"),
        # After a retry or resume, the time since then.
        seconds_since(func.min(func.coalesce(chunks.c.published_at, chunks.c.created_at))).label("oldest"),
    )
    .join_from(chunks, jobs, jobs.c.id == chunks.c.job_id)
    .where(chunk_waits())
    .group_by(jobs.c.model)
)
# The exact text of the index; the planner would not recognize a parameter.
_POISON = select(func.count()).select_from(documents).where(text("error_code = 'poison'"))


def read_gauges(connection: Connection, after_batch: int | None, rested: RestedJobs | None = None) -> Gauges:
    """Read all gauges, and the batches after this one (None: no batches).

    `rested` are the sums of the previous reading: with them, chunks of jobs that ended earlier are not read again.
    """
    states = _jobs_by_state(connection)
    open_jobs = open_sums(connection)
    going_on = open_jobs + ending_sums(connection)
    rested = rested_sums(
        connection, sum(states.get(state, 0) for state in ENDED_JOB_STATES), rested, going_on
    )
    every = going_on + rested.sums
    in_work, open_in_work = documents_in_work(connection)
    newest = newest_readable(connection)
    return Gauges(
        jobs=states,
        documents=_by_state(every, in_work),
        open_documents=_by_state(open_jobs, open_in_work),
        incomplete=incomplete_answers(every.cut, every.empty, every.reasoning_cut, every.reasoning_ended),
        waiting=_waiting_by_model(connection),
        workers=read_fleet(connection, most_earlier=0).workers,
        attempts=every.attempt,
        rescues=every.rescues,
        poison_documents=connection.execute(_POISON).scalar_one(),
        batches=() if after_batch is None else batches_after(connection, after_batch, newest),
        newest_batch=newest,
        rested=rested,
    )


def _by_state(sums: ChunkSums, in_work: int) -> Mapping[DocumentState, int]:
    done = sums.succeeded + sums.failed + sums.cancelled
    return {
        DocumentState.PENDING: sums.documents - done - in_work,
        DocumentState.RUNNING: in_work,
        DocumentState.SUCCEEDED: sums.succeeded,
        DocumentState.FAILED: sums.failed,
        DocumentState.CANCELLED: sums.cancelled,
    }


def _jobs_by_state(connection: Connection) -> Mapping[JobState, int]:
    rows = connection.execute(select(jobs.c.state, func.count()).group_by(jobs.c.state))
    return {JobState(state): count for state, count in rows}


def _waiting_by_model(connection: Connection) -> Mapping[str, Waiting]:
    rows = connection.execute(_WAITING)
    return {row.model: Waiting(row.chunks, int(row.documents), max(0.0, row.oldest)) for row in rows}
