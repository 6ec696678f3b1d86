"""Open the store: the embedded one is made on first use, any other must exist."""

from qwenq.schemas.errors import NoStoreHere, StoreNotCreated
from qwenq.schemas.settings import Settings
from qwenq.store.database.store import Store, shown_address, sqlite_file
from qwenq.store.database.version import check_version, found_version, upgrade_store


def open_store(settings: Settings, statement_seconds: float | None = None) -> Store:
    """Open the settings' store and check its version. Raises StoreAway, StoreNotCreated, StoreVersionMismatch."""
    if settings.database_url is not None and is_absent(settings):
        raise StoreNotCreated(url=shown_address(settings))
    store = Store.of(settings, statement_seconds)
    try:
        if settings.database_url is None and _is_new(store):
            upgrade_store(store)
        check_version(store)
    except BaseException:
        store.close()
        raise
    return store


def open_made_store(settings: Settings) -> Store:
    """Open a store that was made before. Raises NoStoreHere for an absent embedded one, and what open_store raises."""
    if settings.database_url is None and is_absent(settings):
        raise NoStoreHere(path=str(sqlite_file(settings)))
    return open_store(settings)


def is_absent(settings: Settings) -> bool:
    """Whether the store is a file that does not exist. Opening it would create it."""
    file = sqlite_file(settings)
    return file is not None and not file.exists()


def _is_new(store: Store) -> bool:
    with store.reading() as connection:
        return found_version(connection) is None
