"""Submitting: a job into the store, and messages to the workers once all is committed."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from producer.signals import signals_held
from producer.storing import store_job
from schemas.documents import Row
from schemas.errors import BrokerAway
from schemas.jobs import JobSpec
from schemas.settings import Settings
from store.broker import Broker
from store.chunks import unpublished_chunks
from store.database import Store
from store.reconcile import announce
from store.workers import ALIVE_SECONDS, count_alive


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
    with signals_held() as signals:
        job_id, documents, rejected = store_job(
            store, settings, spec, signals.heeding(rows), run_key, signals
        )
        if stored is not None:
            stored(job_id)
    unannounced = _announce(store, broker, job_id)
    with store.reading() as connection:
        workers = count_alive(connection, spec.model, ALIVE_SECONDS)
    return Submission(job_id, documents, rejected, unannounced, workers)


def _announce(store: Store, broker: Broker, job_id: int) -> str | None:
    with store.reading() as connection:
        notices = unpublished_chunks(connection, job_id)
    try:
        announce(store, broker, notices)
    except BrokerAway as away:
        return str(away)
    return None
