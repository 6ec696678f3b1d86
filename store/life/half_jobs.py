"""Half jobs: jobs whose rows are being stored or removed. One process holds each, with a lease.

A half job is `validating`, so that nothing in it runs. Its `holder` is a fence: once another process holds the job,
the earlier one can neither add a row nor queue it, even if it only slept.
"""

import secrets

from sqlalchemy import (
    ColumnElement,
    Connection,
    exc,
    select,
    update,
)

from qwenq.schemas.errors import JobGivenUp
from qwenq.schemas.jobs import HalfJob, JobSpec
from qwenq.schemas.log.events import Event
from qwenq.schemas.states import JobState
from qwenq.schemas.tables.core import jobs
from qwenq.store.conditions import REMOVING, is_abandoned, is_removable
from qwenq.store.database.clock import now
from qwenq.store.database.transitions import note_transition
from qwenq.store.life.cancelling import cancel_rest
from qwenq.store.life.jobs import create_job, hold_job


def begin_job(
    connection: Connection, spec: JobSpec, one_shot_key: str | None, lease_seconds: float
) -> HalfJob | None:
    """Create a job that this process stores. None: its idempotency key already names another job."""
    try:
        with connection.begin_nested():
            job_id = create_job(connection, spec, one_shot_key)
    except exc.IntegrityError:
        if spec.idempotency_key is None:
            raise
        return None
    token = _token()
    return _hold(connection, jobs.c.id == job_id, HalfJob(job_id, token), lease_seconds, holder=token)


def check_held(connection: Connection, half: HalfJob) -> None:
    """Raise JobGivenUp unless this process still holds the job. Locks nothing.

    SQLite reuses the number of a removed job, so check before the first row of a batch.
    """
    mine = (jobs.c.id == half.job_id) & (jobs.c.holder == half.token)
    if connection.execute(select(jobs.c.id).where(mine)).scalar_one_or_none() is None:
        raise JobGivenUp(job_id=half.job_id)


def renew(connection: Connection, half: HalfJob, lease_seconds: float) -> bool:
    """Renew the lease, and lock the job for this transaction. False: it was cancelled. Raises JobGivenUp."""
    if _renew(connection, half, lease_seconds):
        return True
    check_held(connection, half)
    return hold_job(connection, half.job_id) == JobState.VALIDATING


def renew_removal(connection: Connection, half: HalfJob, lease_seconds: float) -> bool:
    """Renew the lease of a job that this process removes. False: it is gone, or another process holds it."""
    return _renew(connection, half, lease_seconds, holder=_removing(half.token))


def hold_abandoned(connection: Connection, job_id: int, lease_seconds: float) -> HalfJob | None:
    """Hold an abandoned half job, to remove it; its key is free again. None: its process lives, or it is gone."""
    return _hold_to_remove(connection, is_abandoned(), job_id, lease_seconds)


def hold_ended(connection: Connection, job_id: int, ended: float, lease_seconds: float) -> HalfJob | None:
    """Hold a job that ended `ended` seconds ago, to remove it; nothing can revive it.

    None: it goes on, a batch needs it, or it is gone.
    """
    return _hold_to_remove(connection, is_removable(ended), job_id, lease_seconds)


def _hold_to_remove(
    connection: Connection, chosen: ColumnElement[bool], job_id: int, lease_seconds: float
) -> HalfJob | None:
    half = HalfJob(job_id, _token())
    values = {"holder": _removing(half.token), "idempotency_key": None, "run_key": None}
    return _hold(connection, chosen & (jobs.c.id == job_id), half, lease_seconds, **values)


def _hold(
    connection: Connection,
    chosen: ColumnElement[bool],
    half: HalfJob,
    lease_seconds: float,
    **values: str | None,
) -> HalfJob | None:
    held = connection.execute(
        update(jobs)
        .where(chosen)
        .values(state=JobState.VALIDATING, finished_at=None, holder_expires_at=now(lease_seconds), **values)
    )
    return half if held.rowcount else None


def _token() -> str:
    return secrets.token_hex(16)


def _renew(connection: Connection, half: HalfJob, lease_seconds: float, **holder: str) -> bool:
    renewed = connection.execute(
        update(jobs)
        .where(
            jobs.c.id == half.job_id,
            jobs.c.holder.in_((half.token, *holder.values())),
            jobs.c.state == JobState.VALIDATING,
        )
        .values(holder_expires_at=now(lease_seconds), **holder)
    )
    return bool(renewed.rowcount)


def _removing(token: str) -> str:
    """The fence of a process that removes a job."""
    return f"{REMOVING}{token}"


def queue_job(connection: Connection, job_id: int, input_digest: str | None = None) -> None:
    """Let a job run, now that its last row is stored. A job that was cancelled meanwhile stays cancelled."""
    queued = connection.execute(
        update(jobs)
        .where(jobs.c.id == job_id, jobs.c.state == JobState.VALIDATING)
        .values(state=JobState.QUEUED, input_digest=input_digest)
    )
    if queued.rowcount:
        note_transition(connection, Event.JOB_SUBMITTED, job=job_id)
    else:
        cancel_rest(connection, job_id)
