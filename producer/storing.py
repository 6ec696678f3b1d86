"""Store the rows of a job batch by batch, with the chunks that they complete."""

import gc
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import chain, islice

from qwenq.producer.heartbeat import heartbeat
from qwenq.producer.idempotency import InputDigest
from qwenq.producer.limits import JobSize, check_submitter
from qwenq.producer.opening import no_good_row
from qwenq.producer.planning import ChunkPlanner, prompt_overhead
from qwenq.producer.reasons import Reasons
from qwenq.producer.signals import Signals
from qwenq.schemas.documents import Document, Row
from qwenq.schemas.jobs import HalfJob, JobSpec
from qwenq.schemas.settings import Settings
from qwenq.store.database.store import Store
from qwenq.store.life.cancelling import cancel_rest
from qwenq.store.life.chunks import insert_chunks
from qwenq.store.life.documents import check_rows_kept, insert_rows
from qwenq.store.life.half_jobs import check_held, queue_job, renew
from qwenq.store.life.jobs import end_job_if_done
from qwenq.store.life.removal import remove

BATCH_ROWS = 10_000
BATCH_CHARS = 8 * 1024 * 1024
GC_OBJECTS = 100_000


def store_rows(
    store: Store,
    settings: Settings,
    spec: JobSpec,
    half: HalfJob,
    rows: Iterable[Row],
    signals: Signals,
    *,
    needs_good: bool = True,
) -> tuple[int, int]:
    """Store all rows of a begun job, or none. Returns the number of rows, and of bad rows.

    Unless `needs_good`, a job of bad rows alone is stored, too, and ends at once. Raises NoGoodRow, InputTooLarge,
    SubmitterLimit, and JobGivenUp if another process took the job over, which seemed abandoned.
    """
    try:
        check_submitter(store, settings, spec, half.job_id)
        lease = settings.lease_seconds
        with _collecting_rarely(), heartbeat(store, lambda to: renew(to, half, lease), lease):
            return _store_rows(store, settings, spec, half, rows, signals, needs_good=needs_good)
    except BaseException:
        remove(store, half)
        raise


def _store_rows(
    store: Store,
    settings: Settings,
    spec: JobSpec,
    half: HalfJob,
    rows: Iterable[Row],
    signals: Signals,
    *,
    needs_good: bool,
) -> tuple[int, int]:
    """Store rows batch by batch, then let the job run. Returns the number of rows, and of bad rows."""
    planner = ChunkPlanner(settings.chunk_documents, settings.chunk_tokens, prompt_overhead(spec.prompt))
    size = JobSize(settings, spec.sources)
    digest = InputDigest() if spec.idempotency_key is not None else None
    documents = rejected = 0
    reasons = Reasons()
    for batch in _batches(rows):
        before = planner.bytes
        bad, wanted = _store_batch(store, settings, spec, half, documents, batch, planner)
        size.add(batch.read, planner.bytes - before)
        documents += len(batch.read)
        rejected += bad
        if documents == rejected:
            reasons.add_bad(batch.read)
        if not wanted:
            return documents, rejected
        if digest is not None:
            digest.add(batch.read)
        signals.heed()
    if documents == rejected and (needs_good or not documents):
        raise no_good_row(spec.sources, reasons)
    with store.writing() as connection:
        check_held(connection, half)  # A process that took the job over removes its rows.
        check_rows_kept(connection, half.job_id, documents)
        if renew(connection, half, settings.lease_seconds):
            insert_chunks(connection, half.job_id, planner.finish())
            queue_job(connection, half.job_id, None if digest is None else digest.hexdigest())
            if documents == rejected:
                end_job_if_done(connection, half.job_id)
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
    """Store a batch and the chunks that it completes. Returns its number of bad rows, and False if cancelled."""
    # PostgreSQL stores rows while the next are read. On SQLite, the only writer must not wait for them.
    incoming = batch if store.dialect == "postgresql" else list(batch)
    with store.staging() as connection:
        check_held(connection, half)
        check_rows_kept(connection, half.job_id, first_seq)
        bad = insert_rows(connection, half.job_id, first_seq, incoming, spec.sources)
        # Last, since a cancel waits from here to the commit; it must not wait while rows are read.
        wanted = renew(connection, half, settings.lease_seconds)
        if wanted:
            insert_chunks(connection, half.job_id, planner.add(batch.read, set(bad)))
        else:
            cancel_rest(connection, half.job_id)
    return len(bad), wanted


@contextmanager
def _collecting_rarely() -> Iterator[None]:
    """Collect garbage rarely: rows hold no reference cycles, and searching for some takes a third of the time."""
    thresholds = gc.get_threshold()
    gc.set_threshold(GC_OBJECTS, *thresholds[1:])
    try:
        yield
    finally:
        gc.set_threshold(*thresholds)


class _Batch:
    """The next rows of the input, as many as fit. `read` holds the rows that were read from it so far."""

    def __init__(self, rows: Iterator[Row]) -> None:
        self._rows = rows
        self.read: list[Row] = []

    def __iter__(self) -> Iterator[Row]:
        """Read the rows, one at a time."""
        read, chars = self.read, 0
        for row in islice(self._rows, BATCH_ROWS):
            read.append(row)
            yield row
            if isinstance(row, Document):
                chars += len(row.content)
                if chars > BATCH_CHARS:
                    return


def _batches(rows: Iterable[Row]) -> Iterator[_Batch]:
    waiting = iter(rows)
    while (first := next(waiting, None)) is not None:
        yield _Batch(chain((first,), waiting))
