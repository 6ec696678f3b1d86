"""Jobs that wait for a model that no live worker has."""

from qwenq.schemas.settings import Settings
from qwenq.store.database.opening import open_made_store
from qwenq.store.views.fleet.workers import ALIVE_SECONDS, models_alive
from qwenq.store.views.jobs.statuses import open_jobs


def unserved_jobs(settings: Settings) -> dict[str, list[int]]:
    """The ids of queued and running jobs by model, for models that no live worker has. Raises StoreAway."""
    with open_made_store(settings) as store, store.reading() as connection:
        waiting = open_jobs(connection)
        served = models_alive(connection, ALIVE_SECONDS) if waiting else set()
    return {model: jobs for model, jobs in waiting.items() if model not in served}
