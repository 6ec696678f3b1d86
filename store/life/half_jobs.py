"""Half jobs: those whose rows are being stored or removed, each in the hands of one process that keeps a lease.

Such a job is `validating`, so that nothing of it runs. Its `holder` is a fence: once another process has taken the job
over, the one before can neither add a row nor let it run, even if it only slept.
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
from qwenq.store.conditions import REMOVING, has_ended, is_abandoned
from qwenq.store.database.clock import now
from qwenq.store.database.transitions import note_transition
from qwenq.store.life.cancelling import cancel_rest
from qwenq.store.life.jobs import create_job, hold_job


def begin_job(
    connection: Connection, spec: JobSpec, run_key: str | None, lease_seconds: float
) -> HalfJob | None:
    """Begin a job, to be stored by this process. None: its idempotency key names another one already."""
    try:
        with connection.begin_nested():
            job_id = create_job(connection, spec, run_key)
    except exc.IntegrityError:
        if spec.idempotency_key is None:
            raise
        return None
    token = _token()
    return _take(connection, jobs.c.id == job_id, HalfJob(job_id, token), lease_seconds, holder=token)


def check_held(connection: Connection, half: HalfJob) -> None:
    """Raise JobGivenUp unless the job is still this process's. Nothing is locked.

    SQLite gives the number of a job that was removed to another one: before the first row is written to it, this tells.
    """
    mine = (jobs.c.id == half.job_id) & (jobs.c.holder == half.token)
    if connection.execute(select(jobs.c.id).where(mine)).scalar_one_or_none() is None:
        raise JobGivenUp(job_id=half.job_id)


def renew(connection: Connection, half: HalfJob, lease_seconds: float) -> bool:
    """Renew the lease, and hold the job until this transaction ends. False: it was cancelled. Raises JobGivenUp."""
    if _keep(connection, half, lease_seconds):
        return True
    check_held(connection, half)
    return hold_job(connection, half.job_id) == JobState.VALIDATING


def renew_removal(connection: Connection, half: HalfJob, lease_seconds: float) -> bool:
    """Renew the lease of a job that is being removed, which nobody can cancel. False: it is gone, or in other hands."""
    return _keep(connection, half, lease_seconds, holder=_removing(half.token))


def hold_abandoned(connection: Connection, job_id: int, lease_seconds: float) -> HalfJob | None:
    """Take a half job over, to remove it; its key is free again. None: its process lives, or it is gone."""
    return _take_to_remove(connection, is_abandoned(), job_id, lease_seconds)


def hold_ended(connection: Connection, job_id: int, ended: float, lease_seconds: float) -> HalfJob | None:
    """Take a job that ended so many seconds ago, to remove it; nothing can revive it. None: it has not, or is gone."""
    return _take_to_remove(connection, has_ended(ended), job_id, lease_seconds)


def _take_to_remove(
    connection: Connection, chosen: ColumnElement[bool], job_id: int, lease_seconds: float
) -> HalfJob | None:
    half = HalfJob(job_id, _token())
    values = {"holder": _removing(half.token), "idempotency_key": None, "run_key": None}
    return _take(connection, chosen & (jobs.c.id == job_id), half, lease_seconds, **values)


def _take(
    connection: Connection,
    chosen: ColumnElement[bool],
    half: HalfJob,
    lease_seconds: float,
    **values: str | None,
) -> HalfJob | None:
    taken = connection.execute(
        update(jobs)
        .where(chosen)
        .values(state=JobState.VALIDATING, finished_at=None, holder_expires_at=now(lease_seconds), **values)
    )
    return half if taken.rowcount else None


def _token() -> str:
    return secrets.token_hex(16)


def _keep(connection: Connection, half: HalfJob, lease_seconds: float, **holder: str) -> bool:
    kept = connection.execute(
        update(jobs)
        .where(
            jobs.c.id == half.job_id,
            jobs.c.holder.in_((half.token, *holder.values())),
            jobs.c.state == JobState.VALIDATING,
        )
        .values(holder_expires_at=now(lease_seconds), **holder)
    )
    return bool(kept.rowcount)


def _removing(token: str) -> str:
    """The fence of a process that removes a job."""
    return f"{REMOVING}{token}"


def queue_job(connection: Connection, job_id: int, input_digest: str | None = None) -> None:
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
