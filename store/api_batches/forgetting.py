"""Forget for good: what deleted files and batches held in the store goes with them.

An ended batch's job stays only while all of the batch's files do. Whoever locks several of them locks the batch before
its files, and these before the job. The rows of a job that this module holds for removal are removed afterwards, by any
process (`store/life/removal.py`).
"""

from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, delete, exists, func, or_, select

from qwenq.schemas.errors import BatchNotDeletable, JobNotCancellable
from qwenq.schemas.service.stored import JOB_KEY, StoredBatch
from qwenq.schemas.service.tenants import Caller
from qwenq.schemas.states import ENDED_BATCH_STATES, ENDED_JOB_STATES
from qwenq.schemas.tables.core import jobs
from qwenq.schemas.tables.schedules import notices
from qwenq.schemas.tables.service import api_batches, files
from qwenq.store.api_batches.batches import exists_for, is_own_job
from qwenq.store.conditions import is_abandoned
from qwenq.store.database.clock import now
from qwenq.store.life.cancelling import cancel_job
from qwenq.store.life.half_jobs import hold_ended

ORPHAN_SECONDS = 60.0
"""How old a job without its batch is at least, before it is removed."""
_NO_LEASE = 0.0
"""Held jobs may be removed by any process at once."""


@dataclass(frozen=True, slots=True)
class Deleted:
    """Batches that were deleted, and their files, whose `bytes` are to be removed from the storage."""

    batch_ids: Sequence[str]
    file_ids: Sequence[str]
    bytes: int


def is_any_to_forget(connection: Connection) -> bool:
    """Whether a file's time is over, or a job's rows are to be removed. Only reads."""
    wanted = select(or_(exists().where(files.c.expires_at <= now()), exists().where(is_abandoned())))
    return bool(connection.execute(wanted).scalar_one())


def forget_files(connection: Connection, file_ids: Collection[str]) -> None:
    """Have the jobs of ended batches removed that one of these deleted files belongs to.

    A batch that has not ended keeps its job until then.
    """
    ids = list(file_ids)
    columns = (api_batches.c.input_file_id, api_batches.c.output_file_id, api_batches.c.error_file_id)
    found = connection.execute(
        select(jobs.c.id)
        .join(api_batches, is_own_job())
        .where(api_batches.c.state.in_(ENDED_BATCH_STATES), or_(*(column.in_(ids) for column in columns)))
    )
    for job_id in found.scalars().all():
        hold_ended(connection, job_id, 0.0, _NO_LEASE)


def forget_job_without_input(connection: Connection, batch: StoredBatch) -> None:
    """Have the job of a batch removed that ends in this transaction, if its input file was deleted meanwhile."""
    if batch.job_id is None:
        return
    # The lock makes a deletion of the file wait: it then finds an ended batch.
    there = select(files.c.id).where(files.c.id == batch.input_file_id).with_for_update(read=True)
    if connection.execute(there).first() is None:
        hold_ended(connection, batch.job_id, 0.0, _NO_LEASE)


def delete_batch(connection: Connection, caller: Caller, batch_id: str) -> Deleted | None:
    """Delete an ended batch with its output and error file, and have its job removed. None: no such batch.

    Raises BatchNotDeletable.
    """
    mine = exists_for(caller) & (api_batches.c.id == batch_id)
    row = connection.execute(_chosen(mine)).one_or_none()
    if row is None:
        return None
    if row.state not in ENDED_BATCH_STATES:
        raise BatchNotDeletable(batch_id=batch_id, state=row.state)
    return _delete(connection, [row])


def delete_old_batches(connection: Connection, tenant: str, keep_seconds: float, most: int) -> Deleted:
    """Delete a tenant's batches that ended so long ago, as delete_batch does."""
    ended = func.coalesce(
        api_batches.c.completed_at,
        api_batches.c.failed_at,
        api_batches.c.expired_at,
        api_batches.c.cancelled_at,
    )
    chosen = (
        (api_batches.c.tenant == tenant)
        & api_batches.c.state.in_(ENDED_BATCH_STATES)
        & (ended <= now(-keep_seconds))
    )
    return _delete(connection, connection.execute(_chosen(chosen).limit(most)).all())


def delete_all_batches(connection: Connection, tenant: str, most: int) -> Deleted:
    """Delete batches of a tenant, whatever their state; who holds one of them has lost it."""
    return _delete(connection, connection.execute(_chosen(api_batches.c.tenant == tenant).limit(most)).all())


def forget_old_jobs(connection: Connection, tenant: str, keep_seconds: float, most: int) -> int:
    """Have jobs of a tenant removed that ended so long ago and belong to no batch. Returns how many."""
    old = select(jobs.c.id).where(
        jobs.c.tenant == tenant,
        jobs.c.state.in_(ENDED_JOB_STATES),
        jobs.c.finished_at <= now(-keep_seconds),
        ~exists().where(is_own_job()),
    )
    found = connection.execute(old.order_by(jobs.c.id).limit(most)).scalars().all()
    return sum(hold_ended(connection, job_id, keep_seconds, _NO_LEASE) is not None for job_id in found)


def forget_orphans(connection: Connection) -> None:
    """Have jobs removed whose batch was deleted while a process stored them, or while they ran again."""
    orphans = select(jobs.c.id, jobs.c.state).where(
        jobs.c.name.startswith("batch_", autoescape=True),
        jobs.c.idempotency_key == JOB_KEY + jobs.c.name,
        jobs.c.created_at <= now(-ORPHAN_SECONDS),
        ~exists().where(api_batches.c.id == jobs.c.name),
    )
    for orphan in connection.execute(orphans).all():
        _end(connection, orphan.id)


def _chosen(which: ColumnElement[bool]) -> Any:
    """Some batches, locked, with the ids of their jobs."""
    own = select(jobs.c.id).where(is_own_job()).correlate(api_batches).scalar_subquery()
    columns = [api_batches.c[name] for name in ("id", "tenant", "state", "output_file_id", "error_file_id")]
    return select(*columns, own.label("job_id")).where(which).with_for_update(of=api_batches)


def _delete(connection: Connection, rows: Sequence[Row[Any]]) -> Deleted:
    batch_ids = [row.id for row in rows]
    connection.execute(delete(api_batches).where(api_batches.c.id.in_(batch_ids)))
    for row in rows:
        named = notices.c.body.contains(row.id, autoescape=True)
        connection.execute(delete(notices).where(notices.c.tenant == row.tenant, named))
    written = [file_id for row in rows for file_id in (row.output_file_id, row.error_file_id) if file_id]
    gone = connection.execute(
        delete(files).where(files.c.id.in_(written)).returning(files.c.id, files.c.bytes)
    ).all()
    for row in rows:
        if row.job_id is not None:
            _end(connection, row.job_id)
    return Deleted(batch_ids, [file.id for file in gone], sum(file.bytes for file in gone))


def _end(connection: Connection, job_id: int) -> None:
    """Have a job removed, once no worker holds a chunk of it: `forget_orphans` comes back to it."""
    with suppress(JobNotCancellable):  # it has ended already
        cancel_job(connection, job_id)
    hold_ended(connection, job_id, 0.0, _NO_LEASE)
