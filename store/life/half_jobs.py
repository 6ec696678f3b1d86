"""Half jobs: those whose rows are being stored or removed, each in the hands of one process that keeps a lease.

Such a job is `validating`, so that nothing of it runs. Its `holder` is a fence: once another process has taken the job
over, the one before can neither add a row nor let it run, even if it only slept.
"""

import secrets

from sqlalchemy import ColumnElement, Connection, and_, exc, exists, or_, select, update

from qwenq.schemas.errors import JobGivenUp
from qwenq.schemas.jobs import HalfJob, JobSpec
from qwenq.schemas.states import ENDED_JOB_STATES, ChunkState, JobState
from qwenq.schemas.tables.core import chunks
from qwenq.schemas.tables.core import jobs as table
from qwenq.store.database.clock import now
from qwenq.store.life import jobs
from qwenq.store.life.jobs import hold_job, removing


def begin_job(
    connection: Connection, spec: JobSpec, run_key: str | None, lease_seconds: float
) -> HalfJob | None:
    """Begin a job, to be stored by this process. None: its idempotency key names another one already."""
    try:
        with connection.begin_nested():
            job_id = jobs.create_job(connection, spec, run_key)
    except exc.IntegrityError:
        if spec.idempotency_key is None:
            raise
        return None
    token = _token()
    return _take(connection, table.c.id == job_id, HalfJob(job_id, token), lease_seconds, holder=token)


def check_held(connection: Connection, half: HalfJob) -> None:
    """Raise JobGivenUp unless the job is still this process's. Nothing is locked.

    SQLite gives the number of a job that was removed to another one: before the first row is written to it, this tells.
    """
    mine = (table.c.id == half.job_id) & (table.c.holder == half.token)
    if connection.execute(select(table.c.id).where(mine)).scalar_one_or_none() is None:
        raise JobGivenUp(job_id=half.job_id)


def renew(connection: Connection, half: HalfJob, lease_seconds: float) -> bool:
    """Renew the lease, and hold the job until this transaction ends. False: it was cancelled. Raises JobGivenUp."""
    if _keep(connection, half, lease_seconds):
        return True
    check_held(connection, half)
    return hold_job(connection, half.job_id) == JobState.VALIDATING


def keep_to_remove(connection: Connection, half: HalfJob, lease_seconds: float) -> bool:
    """Renew the lease of a job that is being removed, which nobody can cancel. False: it is gone, or in other hands."""
    return _keep(connection, half, lease_seconds, holder=removing(half.token))


def abandoned_jobs(connection: Connection) -> list[int]:
    """Half jobs whose process gave no sign of life for the time of its lease, oldest first."""
    return list(connection.execute(select(table.c.id).where(is_abandoned()).order_by(table.c.id)).scalars())


def take_abandoned(connection: Connection, job_id: int, lease_seconds: float) -> HalfJob | None:
    """Take a half job over, to remove it; its key is free again. None: its process lives, or it is gone."""
    return _take_to_remove(connection, is_abandoned(), job_id, lease_seconds)


def take_ended(connection: Connection, job_id: int, ended: float, lease_seconds: float) -> HalfJob | None:
    """Take a job that ended so many seconds ago, to remove it; nothing can revive it. None: it has not, or is gone."""
    return _take_to_remove(connection, has_ended(ended), job_id, lease_seconds)


def is_abandoned() -> ColumnElement[bool]:
    """Whether a job is half, and its process must be taken for dead."""
    expired = or_(table.c.holder_expires_at.is_(None), table.c.holder_expires_at < now())
    return and_(table.c.state == JobState.VALIDATING, expired)


def has_ended(seconds_ago: float) -> ColumnElement[bool]:
    """Whether a job ended so many seconds ago or earlier, and no worker is at it, as after a cancel."""
    held = chunks.alias()
    at_work = exists().where(held.c.job_id == table.c.id, held.c.state == ChunkState.RUNNING)
    return and_(table.c.state.in_(ENDED_JOB_STATES), table.c.finished_at <= now(-seconds_ago), ~at_work)


def _take_to_remove(
    connection: Connection, chosen: ColumnElement[bool], job_id: int, lease_seconds: float
) -> HalfJob | None:
    half = HalfJob(job_id, _token())
    values = {"holder": removing(half.token), "idempotency_key": None, "run_key": None}
    return _take(connection, chosen & (table.c.id == job_id), half, lease_seconds, **values)


def _take(
    connection: Connection,
    chosen: ColumnElement[bool],
    half: HalfJob,
    lease_seconds: float,
    **values: str | None,
) -> HalfJob | None:
    taken = connection.execute(
        update(table)
        .where(chosen)
        .values(state=JobState.VALIDATING, finished_at=None, holder_expires_at=now(lease_seconds), **values)
    )
    return half if taken.rowcount else None


def _token() -> str:
    return secrets.token_hex(16)


def _keep(connection: Connection, half: HalfJob, lease_seconds: float, **holder: str) -> bool:
    kept = connection.execute(
        update(table)
        .where(
            table.c.id == half.job_id,
            table.c.holder.in_((half.token, *holder.values())),
            table.c.state == JobState.VALIDATING,
        )
        .values(holder_expires_at=now(lease_seconds), **holder)
    )
    return bool(kept.rowcount)
