"""Check a store's version, and upgrade it."""

from sqlalchemy import Connection, inspect, text

from qwenq.schemas.errors import StoreNotCreated, StoreVersionMismatch
from qwenq.schemas.tables.core import SCHEMA_VERSION
from qwenq.store.database.store import Store

_UPGRADE = "Run `qwenq db upgrade`."
_UPGRADE_LOCK = int.from_bytes(b"qwenq")
_NEWER = "Install the qwenq that made it, or a newer one."


def found_version(connection: Connection) -> str | None:
    """The store's newest migration; None when it has no tables."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    version: str | None = connection.execute(
        text("SELECT version_num FROM alembic_version")
    ).scalar_one_or_none()
    return version


def check_version(store: Store) -> None:
    """Raise StoreNotCreated or StoreVersionMismatch unless the store fits this code."""
    with store.reading() as connection:
        found = found_version(connection)
    if found is None:
        raise StoreNotCreated(url=store.url)
    if found != SCHEMA_VERSION:
        raise StoreVersionMismatch(
            url=store.url,
            found=found,
            needed=SCHEMA_VERSION,
            remedy=_UPGRADE if found < SCHEMA_VERSION else _NEWER,
        )


def upgrade_store(store: Store) -> str | None:
    """Upgrade a store to this version. Returns the version before. Raises StoreVersionMismatch when it is newer."""
    from qwenq.migrations.command import upgrade

    with store.writing() as connection:
        if store.dialect == "postgresql":
            # Several processes may upgrade at once; SQLite has one writer at a time anyway.
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _UPGRADE_LOCK})
        found = found_version(connection)
        if found is not None and found > SCHEMA_VERSION:
            raise StoreVersionMismatch(url=store.url, found=found, needed=SCHEMA_VERSION, remedy=_NEWER)
        if found != SCHEMA_VERSION:
            upgrade(connection)
    return found
