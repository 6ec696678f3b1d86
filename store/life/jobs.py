"""Jobs: made, moved from state to state, and told of.

Rows are locked in one order, so that no two writers wait for each other: a chunk that runs, its job, chunks that
wait. A chunk's lock stands for its documents.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    and_,
    bindparam,
    func,
    insert,
    select,
    update,
)

from qwenq.schemas.chunks import PlannedChunk
from qwenq.schemas.jobs import JobSpec
from qwenq.schemas.log.events import Event
from qwenq.schemas.states import CLAIMABLE_JOB_STATES, ENDED_JOB_STATES, ChunkState, DocumentState, JobState
from qwenq.schemas.tables.core import chunks, documents, jobs
from qwenq.store.database.clock import now, seconds_since
from qwenq.store.database.transitions import note_transition
from qwenq.store.life.chunks import insert_chunks
from qwenq.store.life.documents import has_no_outcome, of_job

_REMOVING = "removing "
_UNFINISHED_CHUNK_STATES = (ChunkState.QUEUED, ChunkState.RUNNING)
_ENDING_BY_ITSELF = CLAIMABLE_JOB_STATES | {JobState.PAUSED}


def removing(token: str) -> str:
    """The fence of a process that removes a job."""
    return f"{_REMOVING}{token}"


def no_longer_idle() -> dict[str, Any]:
    """Values for a job that was not to run until now: how long that was is left out of its speed."""
    idle = func.coalesce(seconds_since(jobs.c.idle_since), 0.0)
    return {"idle_seconds": jobs.c.idle_seconds + idle, "idle_since": None}


_START = (
    update(jobs)
    .where(jobs.c.id == bindparam("started_job"), jobs.c.state == JobState.QUEUED)
    .values(state=JobState.RUNNING, started_at=func.coalesce(jobs.c.started_at, now()), **no_longer_idle())
)


# Not FOR UPDATE: that would wait for everyone who inserts a row that refers to the job, and they for this.
_HELD_STATE = select(jobs.c.state).where(jobs.c.id == bindparam("held_job")).with_for_update(key_share=True)
_ANY_LEFT = (
    select(chunks.c.id)
    .where(chunks.c.job_id == bindparam("held_job"), chunks.c.state.in_(_UNFINISHED_CHUNK_STATES))
    .limit(1)
)


def create_job(connection: Connection, spec: JobSpec, run_key: str | None = None) -> int:
    """Begin a job that cannot run yet: its documents are still being stored."""
    values = {
        "name": spec.name,
        "state": JobState.VALIDATING,
        "model": spec.model,
        "priority": spec.priority,
        "prompt": spec.prompt.model_dump(mode="json"),
        "params": spec.params.model_dump(mode="json"),
        "sources": list(spec.sources),
        "run_key": run_key,
        "idempotency_key": spec.idempotency_key,
        "reuse": spec.reuse,
        "submitter": spec.submitter,
        "created_at": now(),
    }
    job_id: int = connection.execute(insert(jobs).values(values).returning(jobs.c.id)).scalar_one()
    return job_id


def release_job(connection: Connection, job_id: int, input_digest: str | None = None) -> None:
    """Let a job run, now that its last document is stored; one that was cancelled meanwhile stays so."""
    released = connection.execute(
        update(jobs)
        .where(jobs.c.id == job_id, jobs.c.state == JobState.VALIDATING)
        .values(state=JobState.QUEUED, input_digest=input_digest)
    )
    if released.rowcount:
        note_transition(connection, Event.JOB_SUBMITTED, job=job_id)
    else:
        cancel_rest(connection, job_id)


def start_job(connection: Connection, job_id: int) -> None:
    """Note a job's first claim, right before it: the job is locked before the chunk that waits."""
    if connection.execute(_START, {"started_job": job_id}).rowcount:
        note_transition(connection, Event.JOB_STARTED, job=job_id)


def hold_job(connection: Connection, job_id: int) -> JobState:
    """A job's state, which nobody else changes before this transaction ends."""
    return JobState(connection.execute(_HELD_STATE, {"held_job": job_id}).scalar_one())


def end_job_if_done(connection: Connection, job_id: int) -> JobState | None:
    """End a job whose chunks are all done: completed, or failed when no document succeeded.

    The job is held first, even while chunks wait: of two workers that end its last two chunks, the second then sees the
    first's chunk as done. A paused one ends too: its last documents were in flight.
    """
    if hold_job(connection, job_id) not in _ENDING_BY_ITSELF:
        return None
    if connection.execute(_ANY_LEFT, {"held_job": job_id}).first() is not None:
        return None
    succeeded = connection.execute(
        select(func.sum(chunks.c.succeeded)).where(chunks.c.job_id == job_id)
    ).scalar_one()
    ended = JobState.COMPLETED if succeeded else JobState.FAILED
    connection.execute(
        update(jobs)
        .where(jobs.c.id == job_id)
        .values(
            state=ended,
            started_at=func.coalesce(jobs.c.started_at, now()),
            finished_at=now(),
            paused_from=None,
            idle_since=None,
        )
    )
    note_transition(
        connection,
        Event.JOB_COMPLETED if succeeded else Event.JOB_FAILED,
        job=job_id,
        succeeded=int(succeeded or 0),
    )
    return ended


def cancel_job(connection: Connection, job_id: int) -> bool:
    """Cancel a job and every document of it that no worker holds; workers put theirs down at their next renewal.

    False when the job had already ended, or is being removed: its counters tell of rows that are gone.
    """
    changed = connection.execute(
        update(jobs)
        .where(jobs.c.id == job_id, jobs.c.state.not_in(ENDED_JOB_STATES), ~_is_being_removed())
        .values(state=JobState.CANCELLED, finished_at=now(), paused_from=None, **no_longer_idle())
    )
    if not changed.rowcount:
        return False
    cancel_rest(connection, job_id)
    note_transition(connection, Event.JOB_CANCELLED, job=job_id)
    return True


def _is_being_removed() -> ColumnElement[bool]:
    in_its_hands = func.coalesce(jobs.c.holder, "").startswith(_REMOVING)
    return and_(jobs.c.state == JobState.VALIDATING, in_its_hands)


def cancel_rest(connection: Connection, job_id: int) -> None:
    """Cancel what waits of a cancelled job. The caller holds the job, so that no row is stored meanwhile."""
    _chunk_the_rest(connection, job_id)
    _cancel_waiting_chunks(connection, job_id)


def _chunk_the_rest(connection: Connection, job_id: int) -> None:
    """Put rows that are in no chunk yet into one: of a job that is still being stored, the last ones are not."""
    first = select(func.coalesce(func.max(chunks.c.last_seq) + 1, 0)).where(chunks.c.job_id == job_id)
    first_seq, last_seq, rejected = connection.execute(
        select(
            func.min(documents.c.seq),
            func.max(documents.c.seq),
            func.count().filter(documents.c.state == DocumentState.FAILED),
        ).where(documents.c.job_id == job_id, documents.c.seq >= first.scalar_subquery())
    ).one()
    if first_seq is not None:
        insert_chunks(connection, job_id, [PlannedChunk(first_seq, last_seq, rejected)])


def _cancel_waiting_chunks(connection: Connection, job_id: int) -> None:
    closed = connection.execute(
        update(chunks)
        .where(chunks.c.job_id == job_id, chunks.c.state == ChunkState.QUEUED)
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
            .where(
                of_job(job_id),
                documents.c.seq.between(bindparam("first"), bindparam("last")),
                has_no_outcome(),
            )
            .values(state=DocumentState.CANCELLED),
            [dict(chunk._mapping) for chunk in closed],  # noqa: SLF001
        )


def job_sources(connection: Connection, job_id: int) -> Sequence[str]:
    """The names of a job's input files, in order."""
    sources: Sequence[str] = connection.execute(
        select(jobs.c.sources).where(jobs.c.id == job_id)
    ).scalar_one()
    return sources
