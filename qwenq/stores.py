"""Opening the store: the embedded one is made on its first use, another must be there."""

from qwenq.schemas.settings import Settings
from qwenq.store.database.store import Store
from qwenq.store.database.version import check_version, found_version, upgrade_store


def open_store(settings: Settings, statement_seconds: float | None = None) -> Store:
    """The settings' store, of the right version. Raises StoreAway, StoreNotCreated, StoreVersionMismatch."""
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


def unserved_jobs(settings: Settings) -> dict[str, list[int]]:
    """Jobs that are queued or running, by a model of which no worker gave a sign of life lately. Raises StoreAway."""
    from qwenq.store.life.workers import ALIVE_SECONDS, models_alive
    from qwenq.store.views.statuses import open_jobs

    with open_store(settings) as store, store.reading() as connection:
        waiting = open_jobs(connection)
        served = models_alive(connection, ALIVE_SECONDS) if waiting else set()
    return {model: jobs for model, jobs in waiting.items() if model not in served}
