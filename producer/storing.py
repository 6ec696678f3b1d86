"""Storing: rows into the store, batch by batch, chunks cut as they go by."""

import gc
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import chain, islice

from sqlalchemy import Connection

from producer.planning import ChunkPlanner, prompt_overhead
from producer.signals import Signals
from schemas.documents import Document, Row
from schemas.errors import NoGoodRow
from schemas.jobs import JobSpec
from schemas.settings import Settings
from schemas.states import JobState
from store import jobs
from store.chunks import insert_chunks
from store.database import Store
from store.documents import insert_rows

BATCH_ROWS = 10_000
BATCH_CHARS = 8 * 1024 * 1024
GC_OBJECTS = 100_000


def store_job(
    store: Store,
    settings: Settings,
    spec: JobSpec,
    rows: Iterable[Row],
    run_key: str | None,
    signals: Signals,
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
    store: Store, settings: Settings, spec: JobSpec, job_id: int, rows: Iterable[Row], signals: Signals
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
