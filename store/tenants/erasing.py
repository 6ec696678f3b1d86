"""Erase a tenant: a page at a time, each page in a transaction of its own, so that others can work meanwhile.

From the first transaction on, the tenant gets no keys, files, batches and jobs any more (`hold_tenant`).
"""

from collections.abc import Sequence
from contextlib import suppress

from sqlalchemy import Connection, delete, func, select, update

from qwenq.schemas.errors import JobNotCancellable, TenantInUse, UnknownTenant
from qwenq.schemas.service.tenants import LOCAL, ErasedJob
from qwenq.schemas.tables.core import documents, jobs, results
from qwenq.schemas.tables.schedules import notices
from qwenq.schemas.tables.service import api_keys, files, tenants, upload_parts, uploads, usage
from qwenq.store.life.cancelling import cancel_job


def begin_erasing(connection: Connection, name: str) -> int:
    """Let a tenant get nothing any more, and remove its keys. Returns how many. Raises UnknownTenant, TenantInUse."""
    if name == LOCAL:
        raise TenantInUse(name=name, reason="that of the command line")
    if not connection.execute(update(tenants).where(tenants.c.name == name).values(erasing=True)).rowcount:
        raise UnknownTenant(name=name)
    return connection.execute(delete(api_keys).where(api_keys.c.tenant == name)).rowcount


def jobs_to_erase(connection: Connection, name: str) -> list[ErasedJob]:
    """The jobs of a tenant, with what they hold."""
    counted = [
        select(func.count()).where(table.c.job_id == jobs.c.id).scalar_subquery()
        for table in (documents, results)
    ]
    found = connection.execute(select(jobs.c.id, *counted).where(jobs.c.tenant == name).order_by(jobs.c.id))
    return [ErasedJob(*row) for row in found]


def stop_job(connection: Connection, job_id: int) -> None:
    """Cancel a job that has not ended: it can be removed once no worker holds a chunk of it."""
    there = select(jobs.c.id).where(jobs.c.id == job_id)
    with suppress(JobNotCancellable):
        if connection.execute(there).first() is not None:
            cancel_job(connection, job_id)


def is_there(connection: Connection, job_id: int, tenant: str) -> bool:
    """Whether a tenant still has this job."""
    mine = select(jobs.c.id).where(jobs.c.id == job_id, jobs.c.tenant == tenant)
    return connection.execute(mine).first() is not None


def files_to_erase(connection: Connection, name: str, most: int) -> list[tuple[str, int]]:
    """Ids and sizes of files of a tenant, and of parts of its uploads."""
    of_files = select(files.c.id, files.c.bytes).where(files.c.tenant == name)
    of_parts = (
        select(upload_parts.c.id, upload_parts.c.bytes)
        .join(uploads, uploads.c.number == upload_parts.c.upload_number)
        .where(uploads.c.tenant == name)
    )
    rows = connection.execute(of_files.union_all(of_parts).limit(most))
    return [(row.id, row.bytes) for row in rows]


def delete_files(connection: Connection, ids: Sequence[str]) -> None:
    """Remove files and parts of uploads whose bytes are gone."""
    connection.execute(delete(files).where(files.c.id.in_(ids)))
    connection.execute(delete(upload_parts).where(upload_parts.c.id.in_(ids)))


def end_erasing(connection: Connection, name: str) -> None:
    """Remove the tenant itself, which has nothing any more."""
    for table in (notices, usage):
        connection.execute(delete(table).where(table.c.tenant == name))
    connection.execute(delete(tenants).where(tenants.c.name == name))
