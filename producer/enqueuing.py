"""Enqueue a job: store its rows and chunks, then announce it to the workers."""

from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass

from qwenq.producer.idempotency import begin_or_find, check_same_request
from qwenq.producer.signals import signals_held
from qwenq.producer.storing import store_rows
from qwenq.schemas.documents import Row
from qwenq.schemas.errors import BrokerAway, StoreAway
from qwenq.schemas.jobs import JobSpec, KeyedJob
from qwenq.schemas.settings import Settings
from qwenq.store.broker.broker import Broker
from qwenq.store.broker.reconcile import announce_job
from qwenq.store.database.store import Store
from qwenq.store.life.removal import remove_abandoned
from qwenq.store.life.workers import ALIVE_SECONDS, count_alive

CLEANING_SECONDS = 5.0
"""How long a submit clears away what others left half stored; the next one goes on."""


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


def _nobody(_job_id: int) -> None:
    """Tell nobody."""


def enqueue_job(
    store: Store,
    broker: Broker,
    settings: Settings,
    spec: JobSpec,
    rows: Iterable[Row],
    run_key: str | None = None,
    stored: Callable[[int], object] = _nobody,
    waiting: Callable[[int], object] = _nobody,
) -> EnqueuedJob:
    """Store a job with its rows, then tell the workers. Memory stays flat, whatever the number of rows.

    The job cannot run before its last row is in. `stored` is called with its id once it can, before anything else
    may go wrong; `waiting` with the id of a job of the same key that another process is still storing. A broker that
    is away does not matter: a reconciler will announce what was stored. A job that is cancelled meanwhile stays so,
    with the rows stored until then. Raises NoGoodRow, KeyboardInterrupt (for Ctrl-C and TERM), both with nothing left
    in the store, IdempotencyMismatch, JobGivenUp, and StoreAway.
    """
    with signals_held() as signals:
        begun = begin_or_find(store, spec, run_key, settings.lease_seconds, signals, waiting)
        documents = rejected = 0
        if isinstance(begun, KeyedJob):
            check_same_request(spec, signals.heeding(rows), begun)
        else:
            documents, rejected = store_rows(store, settings, spec, begun, signals.heeding(rows), signals)
        stored(begun.job_id)
    unannounced = _announce(store, broker, begun.job_id)
    with suppress(StoreAway):
        remove_abandoned(store, CLEANING_SECONDS)
    with store.reading() as connection:
        workers = count_alive(connection, spec.model, ALIVE_SECONDS)
    return EnqueuedJob(
        begun.job_id, documents, rejected, unannounced, workers, repeated=isinstance(begun, KeyedJob)
    )


def _announce(store: Store, broker: Broker, job_id: int) -> str | None:
    try:
        announce_job(store, broker, job_id)
    except BrokerAway as away:
        return str(away)
    return None
