"""Prune the store: half jobs of dead producers, and old jobs, workers and runs."""

from collections.abc import Callable

from qwenq.schemas.settings import Settings
from qwenq.schemas.states import JobState
from qwenq.schemas.views.pruning import PrunedJob, PruneReport
from qwenq.store.database.opening import open_made_store
from qwenq.store.database.store import Store
from qwenq.store.life.half_jobs import hold_abandoned, hold_ended
from qwenq.store.life.removal import LEASE_SECONDS, remove
from qwenq.store.life.workers import remove_workers
from qwenq.store.schedules.notices import remove_old_notices
from qwenq.store.schedules.runs import remove_old_runs
from qwenq.store.schedules.schedules import prune_schedules
from qwenq.store.views.fleet.workers import ALIVE_SECONDS
from qwenq.store.views.schedules.runs import count_old_runs
from qwenq.store.views.work.prunable import count_prunable_workers, prunable_jobs


def foresee(settings: Settings, older_than: float | None) -> PruneReport:
    """Report what `prune` would remove. Raises StoreAway."""
    with open_made_store(settings) as store:
        with store.reading() as connection:
            jobs = prunable_jobs(connection, older_than)
            gone = runs = 0
            if older_than is not None:
                gone = count_prunable_workers(connection, max(older_than, ALIVE_SECONDS), older_than)
                runs = count_old_runs(connection, older_than)
        return PruneReport(removed=False, jobs=tuple(jobs), workers=gone, runs=runs)


def prune(
    settings: Settings, older_than: float | None, on_removed: Callable[[PrunedJob], None]
) -> PruneReport:
    """Remove abandoned half jobs; with `older_than` (seconds) also older ended jobs, silent workers and ended runs.

    `on_removed` is called with each job after it is gone. After an interrupt, the next prune goes on. Raises StoreAway.
    """
    with open_made_store(settings) as store:
        with store.reading() as connection:
            jobs = prunable_jobs(connection, older_than)
        removed = []
        for job in jobs:
            if _remove(store, job, older_than):
                removed.append(job)
                on_removed(job)
        gone = runs = 0
        if older_than is not None:
            with store.writing() as connection:
                gone = remove_workers(connection, max(older_than, ALIVE_SECONDS))
                runs = remove_old_runs(connection, older_than)
                remove_old_notices(connection, older_than)
                prune_schedules(connection, older_than)
        store.shrink_log()
        return PruneReport(removed=True, jobs=tuple(removed), workers=gone, runs=runs)


def _remove(store: Store, job: PrunedJob, older_than: float | None) -> bool:
    """Remove a job. Returns False when it goes on meanwhile, or another process removes it."""
    with store.writing() as connection:
        if job.state == JobState.VALIDATING:
            half = hold_abandoned(connection, job.id, LEASE_SECONDS)
        else:
            half = hold_ended(connection, job.id, older_than or 0.0, LEASE_SECONDS)
    return half is not None and remove(store, half)
