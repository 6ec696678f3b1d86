"""The Celery tasks."""

import logging
import os
import signal
import time

from celery import shared_task
from celery.exceptions import Reject

from schemas.errors import ModelUnavailable, StoreAway, StoreNotCreated, StoreVersionMismatch
from schemas.settings import settings_of_process
from store.broker import ANSWER_CHUNK, RECONCILE, TASK_LIMIT_SECONDS, Broker
from store.database import Store
from store.reconcile import reconcile
from store.version import check_version

# Before Celery would kill the process: what is left by then is put down, for another task to go on with.
BUDGET_SECONDS = 0.8 * TASK_LIMIT_SECONDS
_PARENT = os.getppid()

_log = logging.getLogger("qwenq.worker")


@shared_task(name=ANSWER_CHUNK)
def answer_chunk(chunk_id: int) -> None:
    """Answer one chunk. Its message goes back to the queue when this worker cannot."""
    deadline = time.monotonic() + BUDGET_SECONDS
    from worker.process import note_failure, working_process

    try:
        working_process().answer(chunk_id, deadline)
    except ModelUnavailable as error:
        _log.critical("%s", error)
        # Without its model this worker can only take messages from those that could answer.
        _stop_worker()
        raise Reject(str(error), requeue=True) from error
    except StoreAway as error:
        _log.critical("the store did not come back: this worker stops. %s", error)
        note_failure(error)
        _stop_worker()
        raise Reject(str(error), requeue=True) from error


def _stop_worker() -> None:
    if os.getppid() == _PARENT:
        os.kill(_PARENT, signal.SIGTERM)


@shared_task(name=RECONCILE)
def reconcile_store() -> None:
    """Rescue and announce what is stranded."""
    settings = settings_of_process()
    store, broker = Store.of(settings), Broker(settings)
    try:
        check_version(store)
        report = reconcile(store, broker, settings)
        _log.info("reconciled %s", report)
    except (StoreNotCreated, StoreVersionMismatch) as other:
        _log.critical("the store was changed: housekeeping stops. %s", other)
        os.kill(os.getpid(), signal.SIGTERM)
    finally:
        store.close()
        broker.close()
