"""Enqueue a job: open its input, store its rows and chunks, then announce it to the workers."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass

from qwenq.producer.idempotency import check_same_request, find_or_begin
from qwenq.producer.opening import open_input, open_rows
from qwenq.producer.reading import Access, Format
from qwenq.producer.signals import Signals, signals_held
from qwenq.producer.storing import store_rows
from qwenq.schemas.documents import Row
from qwenq.schemas.errors import BrokerAway, StoreAway
from qwenq.schemas.jobs import HalfJob, JobSpec, KeyedJob
from qwenq.schemas.log.visible import visible_line
from qwenq.schemas.settings import Settings
from qwenq.schemas.table_options import FOUND_OUT, TableOptions
from qwenq.store.broker.broker import Broker
from qwenq.store.broker.reconcile import announce_job
from qwenq.store.database.opening import open_store
from qwenq.store.database.store import Store
from qwenq.store.life.half_jobs import begin_job
from qwenq.store.life.removal import remove_abandoned
from qwenq.store.views.fleet.workers import ALIVE_SECONDS, count_alive

CLEANING_SECONDS = 5.0
"""How long to remove half jobs of dead producers; the next enqueuing goes on."""
TELL_EVERY_ROWS = 1_000


@dataclass(frozen=True, slots=True)
class EnqueuedJob:
    """A stored job, with its number of `documents` (rows, bad ones included) and of `rejected` (bad) rows.

    `unannounced` says why its workers do not know of it yet; None when they do. `workers` counts those of its model
    that are alive. A `repeated` job was stored before, under the same idempotency key; its rows are not counted.
    """

    job_id: int
    documents: int
    rejected: int
    unannounced: str | None
    workers: int
    repeated: bool = False


def _ignore(_number: int) -> None:
    """Do nothing."""


@dataclass(frozen=True, slots=True)
class Listener:
    """Functions to call while a job is stored. `read` gets the number of rows so far, every TELL_EVERY_ROWS.

    `stored` gets the id of the job once it will stay; `waiting` the id of a job with the same idempotency key that
    another process is still storing, `note` a line about what was found out of an input.
    """

    read: Callable[[int], object] = _ignore
    stored: Callable[[int], object] = _ignore
    waiting: Callable[[int], object] = _ignore
    note: Callable[[str], object] | None = None


SILENT = Listener()


def enqueue_input(
    settings: Settings,
    spec: JobSpec,
    format: Format | None = None,  # noqa: A002 - the word of the command line
    sheet: str | None = None,
    listener: Listener = SILENT,
    *,
    follow_links: bool = False,
    tables: TableOptions = FOUND_OUT,
    allow_partial: bool = False,
) -> EnqueuedJob:
    """Enqueue the documents behind the names in `spec.sources`.

    An input that cannot work is refused before the store is opened. Raises what `open_input` and `enqueue_job` raise,
    StoreNotCreated and StoreVersionMismatch.
    """
    access = Access.of(settings, follow_links=follow_links, allow_partial=allow_partial)
    spec, rows = open_input(spec, format, sheet=sheet, access=access, tables=tables, tell=listener.note)
    return _enqueue(settings, spec, rows, listener)


def enqueue_rows(
    settings: Settings, spec: JobSpec, given: object, listener: Listener = SILENT
) -> EnqueuedJob:
    """Enqueue rows that a program gives: an iterable of mappings, or a DataFrame. Raises what enqueue_input raises."""
    return _enqueue(settings, *open_rows(spec, given), listener)


def _enqueue(settings: Settings, spec: JobSpec, rows: Iterable[Row], listener: Listener) -> EnqueuedJob:
    with open_store(settings) as store, Broker(settings) as broker:
        return enqueue_job(store, broker, settings, spec, rows, listener=listener)


def enqueue_job(
    store: Store,
    broker: Broker,
    settings: Settings,
    spec: JobSpec,
    rows: Iterable[Row],
    one_shot_key: str | None = None,
    listener: Listener = SILENT,
    *,
    needs_good: bool = True,
) -> EnqueuedJob:
    """Store a job with its rows, then announce it. Memory stays flat, whatever the number of rows.

    The job cannot run before its last row is in. When it can, `listener.stored` is called before anything else may
    fail. A broker that is away does not matter: a reconciler will announce the job. A job that is cancelled meanwhile
    stays cancelled, with the rows stored until then. Unless `needs_good`, a job of bad rows alone is stored, too, and
    ends at once. Raises NoGoodRow, InputTooLarge, SubmitterLimit and
    KeyboardInterrupt (for Ctrl-C and TERM), all with nothing left in the store; IdempotencyMismatch, JobGivenUp, and
    StoreAway.
    """
    # A file's name may hold bytes that are no text, which no store keeps.
    spec = spec.model_copy(update={"sources": tuple(map(visible_line, spec.sources))})
    with signals_held() as signals:
        begun = begin_or_find(store, spec, one_shot_key, settings.lease_seconds, signals, listener.waiting)
        rows = signals.heeding(rows if listener is SILENT else _telling(rows, listener.read))
        documents = rejected = 0
        if isinstance(begun, KeyedJob):
            check_same_request(spec, rows, begun)
        else:
            documents, rejected = store_rows(
                store, settings, spec, begun, rows, signals, needs_good=needs_good
            )
        listener.stored(begun.job_id)
    unannounced = _announce(store, broker, begun.job_id)
    with suppress(StoreAway):
        remove_abandoned(store, CLEANING_SECONDS)
    with store.reading() as connection:
        workers = count_alive(connection, spec.model, ALIVE_SECONDS)
    return EnqueuedJob(
        begun.job_id, documents, rejected, unannounced, workers, repeated=isinstance(begun, KeyedJob)
    )


def begin_or_find(
    store: Store,
    spec: JobSpec,
    one_shot_key: str | None,
    lease_seconds: float,
    signals: Signals,
    waiting: Callable[[int], object],
) -> HalfJob | KeyedJob:
    """Begin the job, or find the job that has its key. Raises KeyboardInterrupt."""
    with store.writing() as connection:
        begun = begin_job(connection, spec, one_shot_key, lease_seconds)
    if begun is not None:
        return begun
    return find_or_begin(store, spec, one_shot_key, lease_seconds, signals, waiting)


def _telling(rows: Iterable[Row], read: Callable[[int], object]) -> Iterator[Row]:
    """The same rows; calls `read` with their number so far."""
    for count, row in enumerate(rows, start=1):
        yield row
        if count % TELL_EVERY_ROWS == 0:
            read(count)


def _announce(store: Store, broker: Broker, job_id: int) -> str | None:
    """Announce the job's chunks. Returns the reason if the broker is away."""
    try:
        announce_job(store, broker, job_id)
    except BrokerAway as away:
        return str(away)
    return None
