"""Cancelling: waiting documents at once, those of a worker with its next renewal."""

from sqlalchemy import (
    Connection,
    bindparam,
    func,
    select,
    update,
)

from qwenq.schemas.chunks import PlannedChunk
from qwenq.schemas.errors import JobNotCancellable
from qwenq.schemas.log.events import Event
from qwenq.schemas.states import ENDED_JOB_STATES, ChunkState, JobState, StoredDocumentState
from qwenq.schemas.tables.core import chunks, documents, jobs
from qwenq.store.conditions import chunk_is_queued, is_being_removed, is_unfinished
from qwenq.store.database.clock import now
from qwenq.store.database.transitions import note_transition
from qwenq.store.life.chunks import insert_chunks
from qwenq.store.life.jobs import hold_job, no_longer_idle


def cancel_job(connection: Connection, job_id: int) -> None:
    """Cancel a job, and its documents that no worker holds; workers drop theirs with their next renewal.

    Raises JobNotCancellable when it has ended, or is being removed: its counts then include rows that are gone.
    """
    cancelled = connection.execute(
        update(jobs)
        .where(jobs.c.id == job_id, jobs.c.state.not_in(ENDED_JOB_STATES), ~is_being_removed())
        .values(state=JobState.CANCELLED, finished_at=now(), paused_from=None, **no_longer_idle())
    )
    if not cancelled.rowcount:
        state = hold_job(connection, job_id)
        raise JobNotCancellable(
            job_id=job_id, state="being removed" if state == JobState.VALIDATING else state
        )
    cancel_rest(connection, job_id)
    note_transition(connection, Event.JOB_CANCELLED, job=job_id)


def cancel_rest(connection: Connection, job_id: int) -> None:
    """Cancel what waits in a cancelled job. The caller locks the job, so that no row is stored meanwhile."""
    _chunk_the_rest(connection, job_id)
    _cancel_waiting_chunks(connection, job_id)


def _chunk_the_rest(connection: Connection, job_id: int) -> None:
    """Put rows that are in no chunk into one: the last rows of a job that is still being stored."""
    first = select(func.coalesce(func.max(chunks.c.last_seq) + 1, 0)).where(chunks.c.job_id == job_id)
    first_seq, last_seq, rejected = connection.execute(
        select(
            func.min(documents.c.seq),
            func.max(documents.c.seq),
            func.count().filter(documents.c.state == StoredDocumentState.FAILED),
        ).where(documents.c.job_id == job_id, documents.c.seq >= first.scalar_subquery())
    ).one()
    if first_seq is not None:
        insert_chunks(connection, job_id, [PlannedChunk(first_seq, last_seq, rejected)])


def _cancel_waiting_chunks(connection: Connection, job_id: int) -> None:
    closed = connection.execute(
        update(chunks)
        .where(chunks.c.job_id == job_id, chunk_is_queued())
        .values(
            state=ChunkState.DONE,
            finished_at=now(),
            cancelled=chunks.c.documents - chunks.c.succeeded - chunks.c.failed,
        )
        .returning(chunks.c.first_seq.label("first"), chunks.c.last_seq.label("last"))
    ).all()
    if closed:
        connection.execute(
            update(documents)
            .where(is_unfinished(job_id, bindparam("first"), bindparam("last")))
            .values(state=StoredDocumentState.CANCELLED),
            [dict(chunk._mapping) for chunk in closed],  # noqa: SLF001
        )
