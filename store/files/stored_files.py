"""Files of tenants, as the store knows them."""

import secrets
from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, delete, insert, or_, select

from qwenq.schemas.service.stored import KeptBytes, Purpose, StoredFile
from qwenq.schemas.service.tenants import Caller
from qwenq.schemas.tables.service import files, upload_parts
from qwenq.store.database.clock import now
from qwenq.store.tenants.tenants import hold_tenant


def new_file_id() -> str:
    """An id that nobody can guess."""
    return f"file-{secrets.token_hex(12)}"


def insert_file(
    connection: Connection,
    kept: KeptBytes,
    tenant: str,
    owner: str,
    purpose: Purpose,
    name: str,
    valid_seconds: float | None,
) -> StoredFile:
    """Note a file whose bytes are in the storage. It exists from this transaction on.

    It is kept for `valid_seconds`, but no longer than its tenant keeps files. Raises UnknownTenant, TenantErasing.
    """
    bounds = [valid_seconds, hold_tenant(connection, tenant).keep_seconds]
    valid_seconds = min((bound for bound in bounds if bound is not None), default=None)
    row = connection.execute(
        insert(files)
        .values(
            id=kept.id,
            tenant=tenant,
            owner=owner,
            purpose=purpose,
            name=name,
            bytes=kept.size,
            sha256=kept.sha256,
            lines=kept.lines,
            created_at=now(),
            expires_at=None if valid_seconds is None else now(valid_seconds),
        )
        .returning(*files.c)
    ).one()
    return _as_file(row)


def find_file(connection: Connection, caller: Caller, file_id: str) -> StoredFile | None:
    """A file that exists for the caller."""
    row = connection.execute(select(files).where(_exists_for(caller), files.c.id == file_id)).one_or_none()
    return None if row is None else _as_file(row)


def list_files(
    connection: Connection,
    caller: Caller,
    limit: int,
    after: str | None = None,
    purpose: str | None = None,
    *,
    oldest_first: bool = False,
) -> list[StoredFile]:
    """Files that exist for the caller, newest first unless asked otherwise; `after` is the last file of a page."""
    query = select(files).where(_exists_for(caller))
    if purpose is not None:
        query = query.where(files.c.purpose == purpose)
    if after is not None:
        last = select(files.c.number).where(_exists_for(caller), files.c.id == after).scalar_subquery()
        query = query.where(files.c.number > last if oldest_first else files.c.number < last)
    order = files.c.number if oldest_first else files.c.number.desc()
    return [_as_file(row) for row in connection.execute(query.order_by(order).limit(limit))]


def delete_file(connection: Connection, caller: Caller, file_id: str) -> StoredFile | None:
    """Delete a file that exists for the caller, and return it. The caller of this removes its bytes."""
    row = connection.execute(
        delete(files).where(_exists_for(caller), files.c.id == file_id).returning(*files.c)
    ).one_or_none()
    return None if row is None else _as_file(row)


def delete_files(connection: Connection, ids: Sequence[str | None]) -> list[str]:
    """Delete files of batches, whoever's. Returns the ids, whose bytes are to be removed."""
    some = delete(files).where(files.c.id.in_([one for one in ids if one is not None]))
    return list(connection.execute(some.returning(files.c.id)).scalars())


def unknown_ids(connection: Connection, ids: Sequence[str]) -> set[str]:
    """Those of the ids that no file and no part of an upload has."""
    of_files = select(files.c.id).where(files.c.id.in_(ids))
    of_parts = select(upload_parts.c.id).where(upload_parts.c.id.in_(ids))
    known = connection.execute(of_files.union_all(of_parts)).scalars()
    return set(ids) - set(known)


def delete_expired(connection: Connection, most: int) -> list[str]:
    """Delete files whose time is over. Returns the ids, whose bytes are to be removed."""
    some = select(files.c.id).where(files.c.expires_at <= now()).limit(most)
    return list(connection.execute(delete(files).where(files.c.id.in_(some)).returning(files.c.id)).scalars())


def _exists_for(caller: Caller) -> ColumnElement[bool]:
    exists = (files.c.tenant == caller.tenant) & or_(files.c.expires_at.is_(None), files.c.expires_at > now())
    return exists & (files.c.owner == caller.owner) if caller.sees_only_own else exists


def _as_file(row: Row[Any]) -> StoredFile:
    return StoredFile(
        number=row.number,
        id=row.id,
        tenant=row.tenant,
        owner=row.owner,
        purpose=Purpose(row.purpose),
        name=row.name,
        size=row.bytes,
        sha256=row.sha256,
        created_at=row.created_at,
        expires_at=row.expires_at,
        lines=row.lines,
    )
