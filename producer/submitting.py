"""Submitting: rows into the store, chunks cut as they go by, messages sent once all is committed."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from producer.planning import ChunkPlanner, prompt_overhead
from schemas.documents import Row
from schemas.errors import BrokerAway, NoGoodRow
from schemas.jobs import JobSpec
from schemas.settings import Settings
from store import jobs
from store.broker import Broker
from store.chunks import insert_chunks, unpublished_chunks
from store.database import Store
from store.documents import insert_rows
from store.reconcile import announce

BATCH_ROWS = 4_000
PUBLISH_BATCH = 500


@dataclass(frozen=True, slots=True)
class Submission:
    """A stored job. `unannounced` says why its workers do not know of it yet; None when they do."""

    job_id: int
    documents: int
    rejected: int
    unannounced: str | None


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
        documents, rejected = _store_rows(store, settings, spec, job_id, rows)
        if documents == rejected:
            raise NoGoodRow(source=", ".join(spec.sources), reason="every row is bad")
        with store.writing() as connection:
            jobs.release_job(connection, job_id)
    except BaseException:
        with store.writing() as connection:
            jobs.discard_job(connection, job_id)
        raise
    return Submission(job_id, documents, rejected, _announce(store, broker, job_id))


def _store_rows(
    store: Store, settings: Settings, spec: JobSpec, job_id: int, rows: Iterable[Row]
) -> tuple[int, int]:
    """Store rows batch by batch, each batch with the chunks that it completes. Returns all rows, and bad ones."""
    planner = ChunkPlanner(settings.chunk_documents, settings.chunk_tokens, prompt_overhead(spec.prompt))
    first_seq = rejected = 0
    for batch in _batches(rows):
        with store.writing() as connection:
            bad = insert_rows(connection, job_id, first_seq, batch, spec.sources)
            insert_chunks(connection, job_id, planner.add(batch, set(bad)))
        first_seq += len(batch)
        rejected += len(bad)
    with store.writing() as connection:
        insert_chunks(connection, job_id, planner.finish())
    return first_seq, rejected


def _announce(store: Store, broker: Broker, job_id: int) -> str | None:
    with store.reading() as connection:
        notices = unpublished_chunks(connection, job_id)
    try:
        for start in range(0, len(notices), PUBLISH_BATCH):
            announce(store, broker, notices[start : start + PUBLISH_BATCH])
    except BrokerAway as away:
        return str(away)
    return None


def _batches(rows: Iterable[Row]) -> Iterator[list[Row]]:
    # Reading and storing alternate: a batch is read, then stored, so that one batch at most is in memory.
    waiting = iter(rows)
    while batch := list(islice(waiting, BATCH_ROWS)):
        yield batch
