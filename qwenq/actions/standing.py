"""Why a job does not move, from the store."""

from qwenq.schemas.jobs import JobStatus
from qwenq.schemas.settings import Settings
from qwenq.store.database.opening import open_made_store
from qwenq.store.views.fleet.fleet import read_fleet
from qwenq.wording.standstill import standstill
from qwenq.wording.workers import command_here


def why_still(job: JobStatus, settings: Settings) -> str | None:
    """Say why a job has not moved for minutes. None: it moves. Raises StoreAway."""
    if not job.stands_still:
        return None
    with open_made_store(settings) as store, store.reading() as connection:
        return standstill(job, read_fleet(connection, 0).workers, command=command_here(settings))
