"""Schedules whose last run failed, for whoever asks where things stand."""

from qwenq.stores import open_store
from schemas.settings import Settings
from store.schedule_runs import last_failed


def failed_runs(settings: Settings) -> list[str]:
    """A sentence for each such schedule. Raises StoreAway."""
    store = open_store(settings)
    try:
        with store.reading() as connection:
            failed = last_failed(connection)
    finally:
        store.close()
    return [
        f"schedule {name}: the run that was due at {run.due_at:%Y-%m-%d %H:%M} UTC failed: {run.error_message}"
        for name, run in failed
    ]
