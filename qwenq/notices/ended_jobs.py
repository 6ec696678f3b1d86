"""Makes the notices of jobs that have ended, for those who asked with `qwenq submit --notify`."""

from qwenq.notices.events import job_event
from qwenq.schemas.settings import Settings
from qwenq.store.database.store import Store
from qwenq.store.schedules.job_notices import take_ended_job
from qwenq.store.schedules.notices import insert_notices
from qwenq.store.views.jobs.statuses import job_status


def make_job_notices(store: Store, settings: Settings) -> int:
    """Make a notice for each place of each job that has ended. Returns how many. Raises StoreAway.

    A job that is retried ends again, and has another notice.
    """
    made = 0
    while True:
        with store.writing() as connection:
            if (taken := take_ended_job(connection)) is None:
                return made
            job_id, url = taken
            status = job_status(connection, job_id)
            if status is not None and status.finished_at is not None:
                key = f"job_{job_id}_{status.finished_at:%Y%m%dT%H%M%S.%fZ}"
                insert_notices(connection, key, [url], job_event(status, settings))
                made += 1
