"""The Celery tasks."""

import logging
import os
import signal
import time
from dataclasses import asdict
from typing import Any

from celery import Task, shared_task
from celery.exceptions import Reject

from qwenq.schemas.errors import (
    BrokerAway,
    ModelUnavailable,
    SelfCheckFailed,
    StoreAway,
    StoreNotCreated,
    StoreVersionMismatch,
    TurnFailed,
)
from qwenq.schemas.log.events import Event
from qwenq.schemas.settings import settings_of_process
from qwenq.store.broker.broker import TASK_LIMIT_SECONDS, Broker
from qwenq.store.broker.reconcile import reconcile
from qwenq.store.broker.task_messages import ANSWER_CHUNK, RECONCILE
from qwenq.store.database.store import Store
from qwenq.store.database.version import check_version
from qwenq.worker.log_set_up import heed_log_settings  # noqa: F401 - a spawned child sets up logging by this import

BUDGET_SECONDS = 0.8 * TASK_LIMIT_SECONDS
"""After this time, before Celery would kill the process, a task releases what is left; another goes on with it."""
_PARENT = os.getppid()

_log = logging.getLogger("qwenq.worker")


@shared_task(name=ANSWER_CHUNK, bind=True)
def answer_chunk(self: "Task[..., Any]", chunk_id: int) -> str | None:
    """Answer a chunk and what else waits. Puts the message back when this worker cannot. Returns how far it came."""
    deadline = time.monotonic() + BUDGET_SECONDS
    from qwenq.worker.turn.starting import note_failure, working_process
    from qwenq.worker.turn.task_events import progress_reporter

    try:
        progress = working_process().answer(chunk_id, deadline, progress_reporter(self))
    except (ModelUnavailable, SelfCheckFailed) as error:
        # Without its model, this worker only keeps messages from workers that could answer.
        _stop_worker()
        raise Reject(str(error), requeue=True) from error
    except StoreAway as error:
        _log.critical(Event.WORKER_LEAVES, extra={"reason": str(error)})
        note_failure(error)
        _stop_worker()
        raise Reject(str(error), requeue=True) from error
    except Exception:  # noqa: BLE001 - whatever it is
        # Celery would log the error's message and show it in Flower, and that may quote a document.
        _log.critical(Event.TURN_FAILED, exc_info=True, extra={"chunk": chunk_id})
        raise TurnFailed from None
    return None if progress is None else str(progress)


def _stop_worker() -> None:
    if os.getppid() == _PARENT:
        os.kill(_PARENT, signal.SIGTERM)


@shared_task(name=RECONCILE, send_events=False)
def reconcile_store() -> None:
    """Rescue lost claims, and announce chunks whose message is missing."""
    settings = settings_of_process()
    try:
        with Store.of(settings) as store, Broker(settings) as broker:
            check_version(store)
            report = reconcile(store, broker, settings)
        _log.info(Event.STORE_RECONCILED, extra=asdict(report))
    except (StoreNotCreated, StoreVersionMismatch) as other:
        _log.critical(Event.WORKER_LEAVES, extra={"reason": str(other)})
        os.kill(os.getpid(), signal.SIGTERM)
    except StoreAway as away:
        _log.warning(Event.STORE_AWAY, extra={"reason": str(away)})
    except BrokerAway as away:
        _log.warning(Event.BROKER_AWAY, extra={"reason": str(away)})
