"""Tenants: added, changed, listed, removed."""

from typing import Any

from sqlalchemy import Connection, Row, delete, exc, exists, insert, select, update

from qwenq.schemas.errors import TenantExists, TenantInUse, UnknownTenant
from qwenq.schemas.service.tenants import LOCAL, Tenant
from qwenq.schemas.tables.core import jobs
from qwenq.schemas.tables.schedules import notices
from qwenq.schemas.tables.service import api_batches, files, tenants
from qwenq.store.database.clock import now


def insert_tenant(connection: Connection, name: str, *, waits_for_models: bool) -> None:
    """Add a tenant. Raises TenantExists."""
    try:
        with connection.begin_nested():
            connection.execute(
                insert(tenants).values(name=name, waits_for_models=waits_for_models, created_at=now())
            )
    except exc.IntegrityError:
        raise TenantExists(name=name) from None


def change_tenant(connection: Connection, name: str, *, waits_for_models: bool) -> None:
    """Change what a tenant may do. Raises UnknownTenant."""
    changed = connection.execute(
        update(tenants).where(tenants.c.name == name).values(waits_for_models=waits_for_models)
    )
    if not changed.rowcount:
        raise UnknownTenant(name=name)


def remove_tenant(connection: Connection, name: str) -> None:
    """Remove a tenant with its keys. Raises UnknownTenant, and TenantInUse while it has files, batches or jobs."""
    find_tenant(connection, name, lock=True)
    used = [
        table.name
        for table in (files, api_batches, jobs)
        if connection.execute(select(exists().where(table.c.tenant == name))).scalar_one()
    ]
    if name == LOCAL or used:
        has = "that of the command line" if name == LOCAL else "in use: it has " + " and ".join(used)
        raise TenantInUse(name=name, reason=has.replace("api_batches", "batches"))
    connection.execute(delete(notices).where(notices.c.tenant == name))
    connection.execute(delete(tenants).where(tenants.c.name == name))


def find_tenant(connection: Connection, name: str, *, lock: bool = False) -> Tenant:
    """One tenant; on request locked for this transaction. Raises UnknownTenant."""
    query = select(tenants).where(tenants.c.name == name)
    row = connection.execute(query.with_for_update() if lock else query).one_or_none()
    if row is None:
        raise UnknownTenant(name=name)
    return _as_tenant(row)


def all_tenants(connection: Connection) -> list[Tenant]:
    """All tenants, by name."""
    return [_as_tenant(row) for row in connection.execute(select(tenants).order_by(tenants.c.name))]


def _as_tenant(row: Row[Any]) -> Tenant:
    return Tenant(row.name, bool(row.waits_for_models), row.created_at)
