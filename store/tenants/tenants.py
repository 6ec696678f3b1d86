"""Tenants: added, changed, listed, removed."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, exc, exists, insert, or_, select, update

from qwenq.schemas.errors import TenantErasing, TenantExists, TenantInUse, UnknownTenant
from qwenq.schemas.service.bounds import OF_LOCAL, OF_TENANT, Bounded, Default
from qwenq.schemas.service.tenants import LOCAL, Tenant
from qwenq.schemas.tables.core import jobs
from qwenq.schemas.tables.schedules import notices
from qwenq.schemas.tables.service import api_batches, files, tenants, usage
from qwenq.store.database.clock import later, now

# Built once: each request asks it.
_BY_NAME = select(tenants).where(tenants.c.name == bindparam("of_name"))
_LOCKED_BY_NAME = _BY_NAME.with_for_update()


def insert_tenant(connection: Connection, name: str, **columns: Any) -> None:
    """Add a tenant; columns that are not given have their defaults. Raises TenantExists."""
    try:
        with connection.begin_nested():
            connection.execute(insert(tenants).values(name=name, created_at=now(), **columns))
    except exc.IntegrityError:
        raise TenantExists(name=name) from None


def change_tenant(connection: Connection, name: str, changes: Mapping[str, Any]) -> None:
    """Change columns of a tenant; those that are not named stay. Raises UnknownTenant, TenantErasing.

    Files that exist are kept no longer than a new `keep_seconds` says.
    """
    find_tenant(connection, name, lock=True)
    if changes:
        connection.execute(update(tenants).where(tenants.c.name == name).values(**changes))
    if changes.get("keep_seconds") is not None:
        _shorten_files(connection, name, changes["keep_seconds"])


def change_bounds(connection: Connection, name: str, changes: Mapping[str, Bounded]) -> None:
    """Change bounds of a tenant; those that are not named stay. Raises UnknownTenant, TenantErasing."""
    if not changes:
        return
    kept = {**find_tenant(connection, name, lock=True).set_bounds, **changes}
    bounds = {bound: most for bound, most in kept.items() if most != Default.DEFAULT}
    connection.execute(update(tenants).where(tenants.c.name == name).values(bounds=bounds or None))


def remove_tenant(connection: Connection, name: str) -> None:
    """Remove a tenant with its keys. Raises UnknownTenant, and TenantInUse while it has files, batches or jobs."""
    find_tenant(connection, name, lock=True)
    if name == LOCAL:
        raise TenantInUse(name=name, reason="that of the command line")
    used = [
        table.name
        for table in (files, api_batches, jobs)
        if connection.execute(select(exists().where(table.c.tenant == name))).scalar_one()
    ]
    if used:
        has = " and ".join(used).replace("api_batches", "batches")
        raise TenantInUse(name=name, reason=f"in use: it has {has}. --erase removes them, too")
    # Another tenant of this name begins with nothing used.
    for table in (notices, usage):
        connection.execute(delete(table).where(table.c.tenant == name))
    connection.execute(delete(tenants).where(tenants.c.name == name))


def find_tenant(connection: Connection, name: str, *, lock: bool = False) -> Tenant:
    """One tenant; on request locked for this transaction. Raises UnknownTenant, TenantErasing."""
    query = _LOCKED_BY_NAME if lock else _BY_NAME
    return _checked(name, connection.execute(query, {"of_name": name}).one_or_none())


def hold_tenant(connection: Connection, name: str) -> Tenant:
    """One tenant, which nobody erases during this transaction; several may hold it.

    Raises UnknownTenant, TenantErasing.
    """
    query = select(tenants).where(tenants.c.name == name).with_for_update(read=True)
    return _checked(name, connection.execute(query).one_or_none())


def all_tenants(connection: Connection) -> list[Tenant]:
    """All tenants, by name."""
    return [_as_tenant(row) for row in connection.execute(select(tenants).order_by(tenants.c.name))]


def _shorten_files(connection: Connection, name: str, keep_seconds: int) -> None:
    limit, expires = later(files.c.created_at, keep_seconds), files.c.expires_at
    too_late = or_(expires.is_(None), expires > limit)
    connection.execute(update(files).where(files.c.tenant == name, too_late).values(expires_at=limit))


def _checked(name: str, row: Row[Any] | None) -> Tenant:
    if row is None:
        raise UnknownTenant(name=name)
    tenant = _as_tenant(row)
    if tenant.erasing:
        raise TenantErasing(name=name)
    return tenant


def _as_tenant(row: Row[Any]) -> Tenant:
    defaults = OF_LOCAL if row.name == LOCAL else OF_TENANT
    own = row.bounds or {}
    return Tenant(
        name=row.name,
        waits_for_models=bool(row.waits_for_models),
        created_at=row.created_at,
        keep_seconds=row.keep_seconds,
        erasing=bool(row.erasing),
        sanitizes=bool(row.sanitizes),
        bounds=defaults.changed(own),
        set_bounds=own,
    )
