"""Submitting a person's request: its input is opened and tried first, so that a bad one leaves no trace."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from qwenq.actions.request import JobRequest
from qwenq.producer.enqueuing import EnqueuedJob, enqueue_job
from qwenq.producer.opening import open_input
from qwenq.schemas.documents import Row
from qwenq.schemas.jobs import JobSpec
from qwenq.schemas.settings import Settings
from qwenq.store.broker.broker import Broker
from qwenq.store.database.opening import open_store


def open_request(request: JobRequest, settings: Settings) -> tuple[JobSpec, Iterator[Row]]:
    """The job's specification and its rows, found usable as far as can be told before they are all read.

    Raises UsageError.
    """
    spec = request.specify(settings)
    rows = open_input(spec, request.format, sheet=request.sheet)
    return spec.model_copy(update={"sources": rows.sources}), iter(rows)


@dataclass(frozen=True, slots=True)
class Listener:
    """What hears of a submit: its rows pass through `watched`, `stored` gets the id of a job that is there to stay.

    `waiting` gets that of a job with the same key which another process is still storing.
    """

    watched: Callable[[Iterable[Row]], Iterable[Row]]
    stored: Callable[[int], None]
    waiting: Callable[[int], None]


def _ignore(_job_id: int) -> None:
    """Tell nothing."""


SILENT = Listener(watched=iter, stored=_ignore, waiting=_ignore)


def submit_request(request: JobRequest, settings: Settings, listener: Listener = SILENT) -> EnqueuedJob:
    """Store a request as a job and announce it. Raises UsageError, StoreAway."""
    spec, rows = open_request(request, settings)
    with open_store(settings) as store, Broker(settings) as broker:
        return enqueue_job(
            store, broker, settings, spec, listener.watched(rows),
            stored=listener.stored, waiting=listener.waiting,
        )  # fmt: skip
