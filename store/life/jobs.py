"""Jobs: created, started, ended.

Everybody locks rows in one order, so that no two writers wait for each other: a running chunk, its job, waiting
chunks. A chunk's lock stands for its documents.
"""

from typing import Any

from sqlalchemy import (
    Connection,
    Text,
    bindparam,
    func,
    insert,
    select,
    update,
)

from qwenq.schemas.jobs import JobSpec
from qwenq.schemas.log.events import Event
from qwenq.schemas.service.tenants import LOCAL
from qwenq.schemas.states import CLAIMABLE_JOB_STATES, ChunkState, JobChange, JobState
from qwenq.schemas.tables.core import chunks, jobs
from qwenq.schemas.workers import LoadedWeights
from qwenq.store.database.clock import now, seconds_since
from qwenq.store.database.transitions import note_transition
from qwenq.store.schedules.job_notices import insert_job_notices
from qwenq.store.tenants.tenants import hold_tenant

_UNFINISHED_CHUNK_STATES = (ChunkState.QUEUED, ChunkState.RUNNING)
_ENDING_BY_ITSELF = CLAIMABLE_JOB_STATES | {JobState.PAUSED}


def no_longer_idle() -> dict[str, Any]:
    """Values for a job that may run again: its idle time is left out of its speed."""
    idle = func.coalesce(seconds_since(jobs.c.idle_since), 0.0)
    return {"idle_seconds": jobs.c.idle_seconds + idle, "idle_since": None}


_START = (
    update(jobs)
    .where(jobs.c.id == bindparam("started_job"), jobs.c.state == JobState.QUEUED)
    .values(
        state=JobState.RUNNING,
        started_at=func.coalesce(jobs.c.started_at, now()),
        revision=func.coalesce(jobs.c.revision, bindparam("of_revision", type_=Text)),
        weights_digest=func.coalesce(jobs.c.weights_digest, bindparam("of_digest", type_=Text)),
        **no_longer_idle(),
    )
)


# Not FOR UPDATE: it and inserts of rows that refer to the job would wait for each other.
_HELD_STATE = select(jobs.c.state).where(jobs.c.id == bindparam("held_job")).with_for_update(key_share=True)
_ANY_LEFT = (
    select(chunks.c.id)
    .where(chunks.c.job_id == bindparam("held_job"), chunks.c.state.in_(_UNFINISHED_CHUNK_STATES))
    .limit(1)
)


def create_job(connection: Connection, spec: JobSpec, one_shot_key: str | None = None) -> int:
    """Create a job that cannot run yet: its rows are still being stored. Raises UnknownTenant, TenantErasing."""
    if spec.tenant != LOCAL:  # which nobody can erase
        hold_tenant(connection, spec.tenant)
    values = {
        "name": spec.name,
        "state": JobState.VALIDATING,
        "model": spec.model,
        "priority": spec.priority,
        "prompt": spec.prompt.model_dump(mode="json"),
        "params": spec.params.model_dump(mode="json"),
        "sources": list(spec.sources),
        "run_key": one_shot_key,
        "idempotency_key": spec.idempotency_key,
        "reuse": spec.reuse,
        "mixed_weights": spec.mixed_weights,
        "submitter": spec.submitter,
        "tenant": spec.tenant,
        "owner": spec.owner,
        "urgent": spec.urgent,
        "created_at": now(),
    }
    job_id: int = connection.execute(insert(jobs).values(values).returning(jobs.c.id)).scalar_one()
    insert_job_notices(connection, job_id, spec.notify)
    return job_id


def start_job(connection: Connection, job_id: int, weights: LoadedWeights) -> None:
    """Note a job's first claim, right before it: the job must be locked before the waiting chunk.

    The job keeps the `weights` of the model that claims it, unless an earlier claim had some.
    """
    given = {"started_job": job_id, "of_revision": weights.revision, "of_digest": weights.digest}
    if connection.execute(_START, given).rowcount:
        note_transition(connection, Event.JOB_STARTED, job=job_id)


def note_change(connection: Connection, job_id: int, change: JobChange, by: str) -> None:
    """Note what a person does to a job, in the same transaction."""
    connection.execute(
        update(jobs).where(jobs.c.id == job_id).values(last_change=change, changed_by=by, changed_at=now())
    )


def hold_job(connection: Connection, job_id: int) -> JobState:
    """Lock a job for this transaction. Returns its state."""
    return JobState(connection.execute(_HELD_STATE, {"held_job": job_id}).scalar_one())


def end_job_if_done(connection: Connection, job_id: int) -> JobState | None:
    """End a job whose chunks are all done: completed, or failed if no document succeeded.

    Lock the job first: when two workers end its last two chunks, the second then sees the first's chunk as done.
    A paused job ends too, after its last documents in flight.
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
