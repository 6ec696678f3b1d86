"""Where jobs stand, and waiting for their end."""

import time

from qwenq.api.opened import store_of
from qwenq.schemas.errors import UnknownJob, WaitTimeout
from qwenq.schemas.jobs import JobFilter, JobOrder, JobStatus
from qwenq.schemas.settings import Settings
from qwenq.schemas.views.job_metrics import JobMetrics
from qwenq.schemas.views.job_pages import FailureReasons

POLL_SECONDS = 0.5
_ANY_JOB = JobFilter()


def status(job_id: int, *, settings: Settings | None = None) -> JobStatus:
    """Return where a job stands. Raises UnknownJob, StoreAway."""
    from qwenq.store.views.jobs.statuses import job_status

    with store_of(settings) as store:
        with store.reading() as connection:
            found = job_status(connection, job_id)
        if found is None:
            raise UnknownJob(job_id=job_id, store=store.url)
        return found


def jobs(
    limit: int = 20,
    *,
    wanted: JobFilter = _ANY_JOB,
    order: JobOrder = JobOrder.NEWEST,
    settings: Settings | None = None,
) -> list[JobStatus]:
    """Return where jobs stand: those that match, the newest first unless `order` says otherwise. Raises StoreAway."""
    from qwenq.store.views.jobs.statuses import job_statuses

    with store_of(settings) as store, store.reading() as connection:
        return job_statuses(connection, limit, wanted, order)


def failure_reasons(job_id: int, *, most: int = 5, settings: Settings | None = None) -> FailureReasons:
    """Return the commonest reasons why documents of a job failed so far, with counts. Raises UnknownJob, StoreAway."""
    from qwenq.store.views.jobs import failure_reasons as reasons

    status(job_id, settings=settings)
    with store_of(settings) as store, store.reading() as connection:
        return reasons.failure_reasons(connection, job_id, most)


def metrics(job_id: int, *, settings: Settings | None = None) -> JobMetrics:
    """Return what a job took so far: response time, tokens a second, memory. Raises UnknownJob, StoreAway."""
    from qwenq.store.views.jobs.metrics import job_metrics

    with store_of(settings) as store:
        with store.reading() as connection:
            found = job_metrics(connection, job_id)
        if found is None:
            raise UnknownJob(job_id=job_id, store=store.url)
        return found


def wait(job_id: int, *, timeout: float | None = None, settings: Settings | None = None) -> JobStatus:
    """Wait until a job has ended, and return its status.

    Raises WaitTimeout, a TimeoutError, when it has not ended after `timeout` seconds; the job goes on.
    Raises UnknownJob, StoreAway.
    """
    until = None if timeout is None else time.monotonic() + timeout
    while not (found := status(job_id, settings=settings)).state.ended:
        left = POLL_SECONDS if until is None else until - time.monotonic()
        if left <= 0:
            counts = found.documents
            raise WaitTimeout(
                job_id=job_id, state=found.state, seconds=timeout or 0.0, done=counts.done, total=counts.total
            )
        time.sleep(min(POLL_SECONDS, left))
    return found
