"""Submitting a person's request: its input is opened and tried first, so that a bad one leaves no trace."""

from collections.abc import Callable, Iterable, Iterator

from producer.opening import open_input
from producer.submitting import Submission, submit_job
from qwenq.job_request import JobRequest
from qwenq.stores import open_store
from schemas.documents import Row
from schemas.jobs import JobSpec
from schemas.settings import Settings
from store.broker import Broker


def open_request(request: JobRequest, settings: Settings) -> tuple[JobSpec, Iterator[Row]]:
    """The job's specification and its rows, found usable as far as can be told before they are all read.

    Raises UsageError.
    """
    spec = request.specify(settings)
    return spec, open_input(spec, request.format)


def submit_request(
    request: JobRequest,
    settings: Settings,
    watched: Callable[[Iterable[Row]], Iterable[Row]] = iter,
    stored: Callable[[int], None] | None = None,
) -> Submission:
    """Store a request as a job and announce it; its rows pass through `watched`. Raises UsageError, StoreAway.

    `stored` is called with the job's id as soon as the job is there to stay.
    """
    spec, rows = open_request(request, settings)
    store, broker = open_store(settings), Broker(settings)
    try:
        return submit_job(store, broker, settings, spec, watched(rows), stored=stored)
    finally:
        store.close()
        broker.close()
