"""Hold tenants and keys to their bounds on what is stored. The caller has locked the tenant, so that requests queue."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

from sqlalchemy import ColumnElement, Connection, Table, exists, func, select

from qwenq.schemas.errors import BoundReached
from qwenq.schemas.service.bounds import Bounds
from qwenq.schemas.service.stored import JOB_KEY
from qwenq.schemas.service.tenants import Caller, Tenant
from qwenq.schemas.states import ENDED_BATCH_STATES, OPEN_JOB_STATES
from qwenq.schemas.tables.core import chunks, jobs
from qwenq.schemas.tables.service import api_batches, files, upload_parts, uploads
from qwenq.store.conditions import unfinished_of_chunk
from qwenq.store.database.clock import moment_of
from qwenq.store.tenants.usage import tokens_since

SOON_SECONDS = 60.0
"""When to try again what depends on how quick the workers are."""


def check_new_batch(connection: Connection, caller: Caller, tenant: Tenant, documents: int) -> None:
    """Check that the caller may create a batch of so many documents. Raises BoundReached."""
    for whose, bounds, owner in _bounds_of(caller, tenant):
        most = bounds.open_batches
        if most is not None and _open_batches(connection, caller.tenant, owner) >= most:
            seconds = SOON_SECONDS if most else None
            raise BoundReached(whose, "open batches", most, "Wait until some have ended", seconds)
    check_new_documents(connection, caller, tenant, documents)


def check_new_documents(connection: Connection, caller: Caller, tenant: Tenant, documents: int) -> None:
    """Check that the caller may have so many more documents answered. Raises BoundReached."""
    for whose, bounds, owner in _bounds_of(caller, tenant):
        check_waiting(connection, whose, bounds.waiting_documents, caller.tenant, owner, documents)
        _check_tokens(connection, whose, bounds, caller.tenant, owner)


def check_waiting(
    connection: Connection, whose: str, most: int | None, tenant: str, owner: str | None, documents: int
) -> None:
    """Check that so many documents may wait, beside those that do. Raises BoundReached."""
    if most is not None and waiting_documents(connection, tenant, owner) + documents > most:
        if documents > most:
            raise BoundReached(
                whose, "waiting documents", most, f"Waiting does not help: these are {documents:,}"
            )
        raise BoundReached(whose, "waiting documents", most, "Wait until some are answered", SOON_SECONDS)


def check_new_file(connection: Connection, caller: Caller, tenant: Tenant, size: int) -> None:
    """Check that the caller may store so many bytes more. Raises BoundReached."""
    for whose, bounds, owner in _bounds_of(caller, tenant):
        most = bounds.stored_bytes
        if most is not None and stored_bytes(connection, caller.tenant, owner) + size > most:
            advice = "Waiting does not help: delete files that are not needed"
            raise BoundReached(whose, "stored bytes", most, advice)


def waiting_documents(connection: Connection, tenant: str, owner: str | None = None) -> int:
    """How many documents of a tenant, or of an owner in it, have no outcome yet; those of batches not validated too."""
    is_unvalidated = api_batches.c.job_id.is_(None) & api_batches.c.state.not_in(ENDED_BATCH_STATES)
    reserved = select(func.coalesce(func.sum(api_batches.c.reserved), 0)).where(
        is_unvalidated, *_of(api_batches, tenant, owner)
    )
    # Counted as reserved already.
    own_key = JOB_KEY + api_batches.c.id
    is_reserved = exists().where(is_unvalidated, own_key == jobs.c.idempotency_key).correlate(jobs)
    # Job by job, and found by their states alone: a tenant may have a million jobs that have ended.
    in_job = select(func.sum(unfinished_of_chunk())).where(chunks.c.job_id == jobs.c.id).correlate(jobs)
    in_jobs = select(func.coalesce(func.sum(in_job.scalar_subquery()), 0)).where(
        jobs.c.state.in_(OPEN_JOB_STATES),
        ~is_reserved,
        jobs.c.tenant.concat("") == tenant,
        *(() if owner is None else (jobs.c.owner == owner,)),
    )
    return int(connection.execute(reserved).scalar_one()) + int(connection.execute(in_jobs).scalar_one())


def stored_bytes(connection: Connection, tenant: str, owner: str | None = None) -> int:
    """How many bytes the files of a tenant, or of an owner in it, have; parts of uploads, too."""
    of_files = select(func.coalesce(func.sum(files.c.bytes), 0)).where(*_of(files, tenant, owner))
    of_parts = (
        select(func.coalesce(func.sum(upload_parts.c.bytes), 0))
        .join(uploads, uploads.c.number == upload_parts.c.upload_number)
        .where(*_of(uploads, tenant, owner))
    )
    return int(connection.execute(of_files).scalar_one()) + int(connection.execute(of_parts).scalar_one())


def _open_batches(connection: Connection, tenant: str, owner: str | None) -> int:
    is_open = api_batches.c.state.not_in(ENDED_BATCH_STATES)
    query = select(func.count()).select_from(api_batches).where(is_open, *_of(api_batches, tenant, owner))
    return int(connection.execute(query).scalar_one())


def _check_tokens(connection: Connection, whose: str, bounds: Bounds, tenant: str, owner: str | None) -> None:
    if bounds.tokens_per_day is None and bounds.tokens_per_month is None:
        return
    now = moment_of(connection).astimezone(UTC)
    spans: tuple[tuple[str, int | None, Callable[[datetime], datetime], datetime], ...] = (
        ("tokens a day", bounds.tokens_per_day, _next_day, now),
        ("tokens a month", bounds.tokens_per_month, _next_month, now.replace(day=1)),
    )
    for what, most, end_of, first in spans:
        if most is not None and tokens_since(connection, tenant, first.date().isoformat(), owner) >= most:
            until = end_of(now)
            advice = f"They count anew from {until:%Y-%m-%d} 00:00 UTC"
            raise BoundReached(whose, what, most, advice, (until - now).total_seconds())


def _bounds_of(caller: Caller, tenant: Tenant) -> Iterator[tuple[str, Bounds, str | None]]:
    """Whose bounds, which, and of whose work."""
    yield "key", caller.bounds, caller.owner
    yield "tenant", tenant.bounds, None


def _of(table: Table, tenant: str, owner: str | None) -> Iterator[ColumnElement[bool]]:
    yield table.c.tenant == tenant
    if owner is not None:
        yield table.c.owner == owner


def _next_day(moment: datetime) -> datetime:
    return (moment + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)


def _next_month(moment: datetime) -> datetime:
    return _next_day(moment.replace(day=28) + timedelta(days=4)).replace(day=1)
