"""Change what becomes of a stored job: cancel, pause, resume or retry it. Each is one transaction."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import partial

from sqlalchemy import Connection

from qwenq.actions.submitters import submitter_of
from qwenq.schemas.errors import BrokerAway, UnknownJob
from qwenq.schemas.jobs import JobStatus
from qwenq.schemas.log.deeds import acting
from qwenq.schemas.settings import Settings
from qwenq.schemas.states import JobChange
from qwenq.store.broker.broker import Broker
from qwenq.store.broker.reconcile import announce_job
from qwenq.store.database.opening import open_made_store
from qwenq.store.database.store import Store
from qwenq.store.life.cancelling import cancel_job
from qwenq.store.life.jobs import note_change
from qwenq.store.life.pausing import pause_job, resume_job
from qwenq.store.life.retrying import retry_failed
from qwenq.store.views.fleet.workers import ALIVE_SECONDS, count_alive
from qwenq.store.views.jobs.statuses import job_status

Work = Callable[[Connection, int], object]


@dataclass(frozen=True, slots=True)
class Revival:
    """A job that goes on. `unannounced` is why the broker refused its announcement, or None.

    `workers` counts the live workers of its model.
    """

    status: JobStatus
    unannounced: str | None
    workers: int


def cancel(job_id: int, settings: Settings) -> JobStatus:
    """Cancel a job; workers drop its running documents in seconds. Raises UnknownJob, JobNotCancellable, StoreAway."""
    with open_made_store(settings) as store:
        return _changed(store, job_id, settings, JobChange.CANCELLED, cancel_job)


def pause(job_id: int, settings: Settings) -> JobStatus:
    """Begin no more documents of a job; running ones are finished. Raises UnknownJob, JobNotPausable, StoreAway."""
    with open_made_store(settings) as store:
        return _changed(store, job_id, settings, JobChange.PAUSED, pause_job)


def resume(job_id: int, settings: Settings) -> Revival:
    """Let a paused job go on. Raises UnknownJob, JobNotPaused, StoreAway."""
    return _revive(job_id, settings, JobChange.RESUMED, resume_job)


def retry(
    job_id: int, codes: Collection[str], settings: Settings, max_new_tokens: int | None = None
) -> Revival:
    """Run the failed documents of an ended job again: all, or those with these error codes.

    With `max_new_tokens`, the job has this limit from now on.
    Raises UnknownJob, JobNotRetryable, NothingToRetry, InvalidParameter, StoreAway.
    """
    work = partial(retry_failed, codes=codes, max_new_tokens=max_new_tokens)
    return _revive(job_id, settings, JobChange.RETRIED, work)


def _revive(job_id: int, settings: Settings, change: JobChange, work: Work) -> Revival:
    with open_made_store(settings) as store:
        status = _changed(store, job_id, settings, change, work)
        unannounced = _announced(store, job_id, settings)
        with store.reading() as connection:
            workers = count_alive(connection, status.model, ALIVE_SECONDS)
    return Revival(status, unannounced, workers)


def _changed(store: Store, job_id: int, settings: Settings, change: JobChange, work: Work) -> JobStatus:
    with store.writing() as connection:
        _status(store, connection, job_id)
        work(connection, job_id)
        note_change(connection, job_id, change, acting() or submitter_of(settings))
        return _status(store, connection, job_id)


def _status(store: Store, connection: Connection, job_id: int) -> JobStatus:
    found = job_status(connection, job_id)
    if found is None:
        raise UnknownJob(job_id=job_id, store=store.url)
    return found


def _announced(store: Store, job_id: int, settings: Settings) -> str | None:
    try:
        with Broker(settings) as broker:
            announce_job(store, broker, job_id)
    except BrokerAway as away:
        return str(away)
    return None
