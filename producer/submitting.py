"""Submitting: rows into the store, chunks cut as they go by, messages sent once all is committed."""

import gc
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain, islice

from producer.planning import ChunkPlanner, prompt_overhead
from schemas.documents import Document, Row
from schemas.errors import BrokerAway, NoGoodRow
from schemas.jobs import JobSpec
from schemas.settings import Settings
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
) -> Submission:
    """Store a job with its rows, then tell the workers. Memory stays flat, whatever the number of rows.

    The job cannot run before its last row is in. A broker that is away does not matter: a reconciler will
    announce what was stored. Raises NoGoodRow, with nothing left in the store, and StoreAway.
    """
    with store.writing() as connection:
        job_id = jobs.create_job(connection, spec, run_key)
    try:
        with _collecting_rarely():
            documents, rejected = _store_rows(store, settings, spec, job_id, rows)
        _refuse_without_good_row(spec, documents, rejected)
        with store.writing() as connection:
            jobs.release_job(connection, job_id)
    except BaseException:
        with store.writing() as connection:
            jobs.discard_job(connection, job_id)
        raise
    unannounced = _announce(store, broker, job_id)
    with store.reading() as connection:
        workers = count_alive(connection, spec.model, ALIVE_SECONDS)
    return Submission(job_id, documents, rejected, unannounced, workers)


def _store_rows(
    store: Store, settings: Settings, spec: JobSpec, job_id: int, rows: Iterable[Row]
) -> tuple[int, int]:
    """Store rows batch by batch, each batch with the chunks that it completes. Returns all rows, and bad ones."""
    planner = ChunkPlanner(settings.chunk_documents, settings.chunk_tokens, prompt_overhead(spec.prompt))
    first_seq = rejected = 0
    for batch in _batches(rows):
        # PostgreSQL stores rows while the next are read. SQLite has one writer at a time, which must not wait.
        incoming = batch if store.dialect == "postgresql" else list(batch)
        with store.staging() as connection:
            bad = insert_rows(connection, job_id, first_seq, incoming, spec.sources)
            insert_chunks(connection, job_id, planner.add(batch.taken, set(bad)))
        first_seq += len(batch.taken)
        rejected += len(bad)
    with store.writing() as connection:
        insert_chunks(connection, job_id, planner.finish())
    return first_seq, rejected


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
