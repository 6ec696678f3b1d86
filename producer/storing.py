"""Storing: rows into the store, batch by batch, chunks cut as they go by."""

import gc
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import chain, islice

from qwenq.producer.heartbeat import Heartbeat
from qwenq.producer.idempotency import InputDigest
from qwenq.producer.opening import named_inputs
from qwenq.producer.planning import ChunkPlanner, prompt_overhead
from qwenq.producer.signals import Signals
from qwenq.schemas.documents import Document, Row
from qwenq.schemas.errors import NoGoodRow
from qwenq.schemas.jobs import HalfJob, JobSpec
from qwenq.schemas.settings import Settings
from qwenq.store.database.store import Store
from qwenq.store.life import jobs
from qwenq.store.life.chunks import insert_chunks
from qwenq.store.life.documents import check_rows_kept, insert_rows
from qwenq.store.life.half_jobs import check_held, renew
from qwenq.store.life.removal import remove

BATCH_ROWS = 10_000
BATCH_CHARS = 8 * 1024 * 1024
GC_OBJECTS = 100_000


def store_rows(
    store: Store, settings: Settings, spec: JobSpec, half: HalfJob, rows: Iterable[Row], signals: Signals
) -> tuple[int, int]:
    """Store the rows of a job that was begun, all of them or nothing. Returns their number, and that of bad ones.

    Raises JobGivenUp when another process has taken the job for abandoned.
    """
    try:
        lease = settings.lease_seconds
        with _collecting_rarely(), Heartbeat(store, lambda to: renew(to, half, lease), lease):
            return _store_rows(store, settings, spec, half, rows, signals)
    except BaseException:
        remove(store, half)
        raise


def _store_rows(
    store: Store, settings: Settings, spec: JobSpec, half: HalfJob, rows: Iterable[Row], signals: Signals
) -> tuple[int, int]:
    """Store rows batch by batch, then let the job run. Returns the number of all rows, and of bad ones."""
    planner = ChunkPlanner(settings.chunk_documents, settings.chunk_tokens, prompt_overhead(spec.prompt))
    digest = InputDigest()
    documents = rejected = 0
    for batch in _batches(rows):
        bad, wanted = _store_batch(store, settings, spec, half, documents, batch, planner)
        documents += len(batch.taken)
        rejected += bad
        if not wanted:
            return documents, rejected
        if spec.idempotency_key is not None:
            digest.add(batch.taken)
        signals.heed()
    _refuse_without_good_row(spec, documents, rejected)
    with store.writing() as connection:
        check_rows_kept(connection, half.job_id, documents)
        if renew(connection, half, settings.lease_seconds):
            insert_chunks(connection, half.job_id, planner.finish())
            keyed = spec.idempotency_key is not None
            jobs.release_job(connection, half.job_id, digest.hexdigest() if keyed else None)
    return documents, rejected


def _store_batch(
    store: Store,
    settings: Settings,
    spec: JobSpec,
    half: HalfJob,
    first_seq: int,
    batch: "_Batch",
    planner: ChunkPlanner,
) -> tuple[int, bool]:
    """Store a batch with the chunks that it completes. Returns its number of bad rows, and whether more are wanted."""
    # PostgreSQL stores rows while the next are read. SQLite has one writer at a time, which must not wait.
    incoming = batch if store.dialect == "postgresql" else list(batch)
    with store.staging() as connection:
        check_held(connection, half)
        check_rows_kept(connection, half.job_id, first_seq)
        bad = insert_rows(connection, half.job_id, first_seq, incoming, spec.sources)
        # Asked last: who cancels waits from here to the commit, and not for rows that are still being read.
        wanted = renew(connection, half, settings.lease_seconds)
        if wanted:
            insert_chunks(connection, half.job_id, planner.add(batch.taken, set(bad)))
        else:
            jobs.cancel_rest(connection, half.job_id)
    return len(bad), wanted


def _refuse_without_good_row(spec: JobSpec, documents: int, rejected: int) -> None:
    if documents == rejected:
        raise NoGoodRow(source=named_inputs(spec.sources), reason="every row is bad")


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
