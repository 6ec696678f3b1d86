"""Keys of tenants. The store has only their SHA-256."""

import hashlib
import secrets
from collections.abc import Mapping
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, bindparam, insert, or_, select, update

from qwenq.schemas.errors import UnknownKey
from qwenq.schemas.service.bounds import OFF
from qwenq.schemas.service.tenants import ApiKey, Role
from qwenq.schemas.tables.service import api_keys
from qwenq.store.database.clock import now
from qwenq.store.tenants.tenants import hold_tenant

KEY_PREFIX = "sk-qwenq-"
PREFIX_CHARS = len(KEY_PREFIX) + 6
USED_SECONDS = 60.0
"""How often the last use of a key is noted, at most."""


def create_key(
    connection: Connection,
    tenant: str,
    owner: str,
    role: Role,
    valid_seconds: float | None,
    bounds: Mapping[str, int] | None = None,
) -> tuple[str, ApiKey]:
    """Create a key. Returns it, which nobody can read again, and what is stored.

    Raises UnknownTenant, TenantErasing.
    """
    hold_tenant(connection, tenant)
    key = KEY_PREFIX + secrets.token_urlsafe(32)
    row = connection.execute(
        insert(api_keys)
        .values(
            tenant=tenant,
            owner=owner,
            role=role,
            prefix=key[:PREFIX_CHARS],
            digest=_digest(key),
            created_at=now(),
            expires_at=None if valid_seconds is None else now(valid_seconds),
            bounds=bounds or None,
        )
        .returning(*api_keys.c)
    ).one()
    return key, _as_key(row)


def valid_key(connection: Connection, key: str) -> tuple[ApiKey, bool] | None:
    """The stored key, if it is neither revoked nor expired, and whether its use should be noted again."""
    row = connection.execute(_VALID, {"of_digest": _digest(key)}).one_or_none()
    return None if row is None else (_as_key(row), bool(row.is_stale))


def note_use(connection: Connection, key_id: int) -> None:
    """Note that a key was used now."""
    connection.execute(update(api_keys).where(api_keys.c.id == key_id).values(last_used_at=now()))


def any_key(connection: Connection) -> bool:
    """Whether there is a key that is not revoked, expired or not: then the service needs keys."""
    return (
        connection.execute(select(api_keys.c.id).where(api_keys.c.revoked_at.is_(None)).limit(1)).first()
        is not None
    )


def keys_of(connection: Connection, tenant: str | None) -> list[ApiKey]:
    """All keys of a tenant, or of all tenants, oldest first."""
    query = select(api_keys).order_by(api_keys.c.id)
    if tenant is not None:
        query = query.where(api_keys.c.tenant == tenant)
    return [_as_key(row) for row in connection.execute(query)]


def revoke_key(connection: Connection, key_id: int) -> ApiKey:
    """Revoke a key, for good. Raises UnknownKey."""
    row = connection.execute(
        update(api_keys)
        .where(api_keys.c.id == key_id, api_keys.c.revoked_at.is_(None))
        .values(revoked_at=now())
        .returning(*api_keys.c)
    ).one_or_none()
    if row is None:
        raise UnknownKey(id=key_id)
    return _as_key(row)


def _is_valid() -> ColumnElement[bool]:
    expires = api_keys.c.expires_at
    return api_keys.c.revoked_at.is_(None) & or_(expires.is_(None), expires > now())


def _is_stale() -> ColumnElement[bool]:
    used = api_keys.c.last_used_at
    return or_(used.is_(None), used < now(-USED_SECONDS))


# Built once: each request asks it.
_VALID = select(api_keys, _is_stale().label("is_stale")).where(
    api_keys.c.digest == bindparam("of_digest"), _is_valid()
)


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()


def _as_key(row: Row[Any]) -> ApiKey:
    return ApiKey(
        id=row.id,
        tenant=row.tenant,
        owner=row.owner,
        role=Role(row.role),
        prefix=row.prefix,
        created_at=row.created_at,
        expires_at=row.expires_at,
        last_used_at=row.last_used_at,
        revoked_at=row.revoked_at,
        bounds=OFF.changed(row.bounds or {}),
    )
