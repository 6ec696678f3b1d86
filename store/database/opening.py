"""Open the store: the embedded one is made on first use, any other must exist."""

from qwenq.schemas.settings import Settings
from qwenq.store.database.store import Store
from qwenq.store.database.version import check_version, found_version, upgrade_store


def open_store(settings: Settings, statement_seconds: float | None = None) -> Store:
    """Open the settings' store and check its version. Raises StoreAway, StoreNotCreated, StoreVersionMismatch."""
    store = Store.of(settings, statement_seconds)
    try:
        if settings.database_url is None and _is_new(store):
            upgrade_store(store)
        check_version(store)
    except BaseException:
        store.close()
        raise
    return store


def _is_new(store: Store) -> bool:
    with store.reading() as connection:
        return found_version(connection) is None
