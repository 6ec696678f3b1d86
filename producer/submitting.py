"""Submitting: rows into the store, chunks cut as they go by, messages sent once all is committed."""

import gc
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain, islice
from types import FrameType
from typing import Any

from sqlalchemy import Connection

from producer.planning import ChunkPlanner, prompt_overhead
from schemas.documents import Document, Row
from schemas.errors import BrokerAway, NoGoodRow
from schemas.jobs import JobSpec
from schemas.settings import Settings
from schemas.states import JobState
from store import jobs
from store.broker import Broker
from store.chunks import insert_chunks, unpublished_chunks
from store.database import Store
from store.documents import insert_rows
from store.reconcile import announce
from store.workers import count_alive

BATCH_ROWS = 10_000
BATCH_CHARS = 8 * 1024 * 1024
GC_OBJECTS = 100_000
ALIVE_SECONDS = 30.0  # several times what passes between two heartbeats
ENDING_SIGNALS = (signal.SIGINT, signal.SIGTERM)
INSISTENT_SECONDS = 5.0
"""A signal that comes again after this long raises wherever the process is: clearing up takes too long for somebody."""

Handler = Callable[[int, FrameType | None], Any] | int


@dataclass(frozen=True, slots=True)
class Submission:
    """A stored job. `unannounced` says why its workers do not know of it yet; None when they do.

    `workers` of its model gave a sign of life lately.
    """

    job_id: int
    documents: int
    rejected: int
    unannounced: str | None
    workers: int


def submit_job(
    store: Store,
    broker: Broker,
    settings: Settings,
    spec: JobSpec,
    rows: Iterable[Row],
    run_key: str | None = None,
    stored: Callable[[int], None] | None = None,
) -> Submission:
    """Store a job with its rows, then tell the workers. Memory stays flat, whatever the number of rows.

    The job cannot run before its last row is in. `stored` is called with its id once it can, before anything else
    may go wrong. A broker that is away does not matter: a reconciler will announce what was stored. A job that is
    cancelled meanwhile stays so, with the rows stored until then. Raises NoGoodRow, KeyboardInterrupt (for Ctrl-C
    and TERM), both with nothing left in the store, and StoreAway.
    """
    with _signals_held() as signals:
        job_id, documents, rejected = _store_job(
            store, settings, spec, signals.heeding(rows), run_key, signals
        )
        if stored is not None:
            stored(job_id)
    unannounced = _announce(store, broker, job_id)
    with store.reading() as connection:
        workers = count_alive(connection, spec.model, ALIVE_SECONDS)
    return Submission(job_id, documents, rejected, unannounced, workers)


class _Signals:
    """Whether a signal asked this process to end, and whether it may do so at once."""

    def __init__(self) -> None:
        self._heard_at: float | None = None
        self._heeding = False

    def hear(self, _number: int, _frame: FrameType | None) -> None:
        """Handle a signal: note it, and raise KeyboardInterrupt where that does no harm."""
        now = time.monotonic()
        first = self._heard_at is None
        # `timeout` and some shells send a signal twice at once: the second must not cut the clearing-up short.
        insistent = self._heard_at is not None and now - self._heard_at > INSISTENT_SECONDS
        if first:
            self._heard_at = now
        if insistent or (first and self._heeding):
            raise KeyboardInterrupt

    def heed(self) -> None:
        """Raise KeyboardInterrupt when a signal was heard."""
        if self._heard_at is not None:
            raise KeyboardInterrupt

    def heeding(self, rows: Iterable[Row]) -> Iterator[Row]:
        """The same rows; while the next is read, a signal raises at once: standard input may be silent for long."""
        try:
            self._heeding = True
            self.heed()
            for row in rows:
                self._heeding = False
                yield row
                self._heeding = True
                if self._heard_at is not None:
                    raise KeyboardInterrupt
        finally:
            self._heeding = False


@contextmanager
def _signals_held() -> Iterator[_Signals]:
    """Hold Ctrl-C and TERM back; raises KeyboardInterrupt at the end for one that nobody heeded.

    Raised inside the SQLite driver, KeyboardInterrupt leaves a statement unfinished for as long as its traceback
    lives, and with it the transaction and the write lock, for which discarding the job would then wait.
    """
    signals = _Signals()
    previous: dict[int, Handler] = {}
    # Python lets only the main thread have handlers, and raises nothing in the others.
    if threading.current_thread() is threading.main_thread():
        found = {number: signal.getsignal(number) for number in ENDING_SIGNALS}
        # What a shell let this process ignore stays ignored; None is a handler that Python cannot put back.
        previous = {number: old for number, old in found.items() if old not in (signal.SIG_IGN, None)}
    try:
        for number in previous:
            signal.signal(number, signals.hear)
        yield signals
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
    signals.heed()


def _store_job(
    store: Store,
    settings: Settings,
    spec: JobSpec,
    rows: Iterable[Row],
    run_key: str | None,
    signals: _Signals,
) -> tuple[int, int, int]:
    """Store a job, all of it or nothing. Returns its id, the number of its rows, and of bad ones."""
    with store.writing() as connection:
        job_id = jobs.create_job(connection, spec, run_key)
    try:
        with _collecting_rarely():
            documents, rejected = _store_rows(store, settings, spec, job_id, rows, signals)
    except BaseException:
        with store.writing() as connection:
            jobs.discard_job(connection, job_id)
        raise
    return job_id, documents, rejected


def _store_rows(
    store: Store, settings: Settings, spec: JobSpec, job_id: int, rows: Iterable[Row], signals: _Signals
) -> tuple[int, int]:
    """Store rows batch by batch, then let the job run. Returns the number of all rows, and of bad ones."""
    planner = ChunkPlanner(settings.chunk_documents, settings.chunk_tokens, prompt_overhead(spec.prompt))
    documents = rejected = 0
    for batch in _batches(rows):
        bad, wanted = _store_batch(store, spec, job_id, documents, batch, planner)
        documents += len(batch.taken)
        rejected += bad
        if not wanted:
            return documents, rejected
        signals.heed()
    _refuse_without_good_row(spec, documents, rejected)
    with store.writing() as connection:
        if _is_wanted(connection, job_id):
            insert_chunks(connection, job_id, planner.finish())
            jobs.release_job(connection, job_id)
    return documents, rejected


def _store_batch(
    store: Store, spec: JobSpec, job_id: int, first_seq: int, batch: "_Batch", planner: ChunkPlanner
) -> tuple[int, bool]:
    """Store a batch with the chunks that it completes. Returns its number of bad rows, and whether more are wanted."""
    # PostgreSQL stores rows while the next are read. SQLite has one writer at a time, which must not wait.
    incoming = batch if store.dialect == "postgresql" else list(batch)
    with store.staging() as connection:
        bad = insert_rows(connection, job_id, first_seq, incoming, spec.sources)
        # Asked last: who cancels waits from here to the commit, and not for rows that are still being read.
        wanted = _is_wanted(connection, job_id)
        if wanted:
            insert_chunks(connection, job_id, planner.add(batch.taken, set(bad)))
        else:
            jobs.cancel_rest(connection, job_id)
    return len(bad), wanted


def _is_wanted(connection: Connection, job_id: int) -> bool:
    """Whether a job was not cancelled meanwhile; nor is it before this transaction ends."""
    return jobs.hold_job(connection, job_id) == JobState.VALIDATING


def _refuse_without_good_row(spec: JobSpec, documents: int, rejected: int) -> None:
    if documents == rejected:
        raise NoGoodRow(source=", ".join(spec.sources), reason="every row is bad")


@contextmanager
def _collecting_rarely() -> Iterator[None]:
    """Rows hold no reference cycles: searching each batch for some would take a third of the time."""
    thresholds = gc.get_threshold()
    gc.set_threshold(GC_OBJECTS, *thresholds[1:])
    try:
        yield
    finally:
        gc.set_threshold(*thresholds)


def _announce(store: Store, broker: Broker, job_id: int) -> str | None:
    with store.reading() as connection:
        notices = unpublished_chunks(connection, job_id)
    try:
        announce(store, broker, notices)
    except BrokerAway as away:
        return str(away)
    return None


class _Batch:
    """The next rows of the input, as many as fit. `taken` holds those that were asked for."""

    def __init__(self, rows: Iterator[Row]) -> None:
        self._rows = rows
        self.taken: list[Row] = []

    def __iter__(self) -> Iterator[Row]:
        """The rows, read when they are asked for."""
        taken, chars = self.taken, 0
        for row in islice(self._rows, BATCH_ROWS):
            taken.append(row)
            yield row
            if isinstance(row, Document):
                chars += len(row.content)
                if chars > BATCH_CHARS:
                    return


def _batches(rows: Iterable[Row]) -> Iterator[_Batch]:
    waiting = iter(rows)
    while (first := next(waiting, None)) is not None:
        yield _Batch(chain((first,), waiting))
