"""The Celery tasks."""

import logging
import os
import signal
import time

from celery import shared_task
from celery.exceptions import Reject

from schemas.errors import ModelUnavailable, StoreAway
from schemas.settings import settings_of_process
from store.broker import ANSWER_CHUNK, RECONCILE, TASK_LIMIT_SECONDS, Broker
from store.database import Store
from store.reconcile import reconcile

# Before Celery would kill the process: what is left by then is put down, for another task to go on with.
BUDGET_SECONDS = 0.8 * TASK_LIMIT_SECONDS
_PARENT = os.getppid()

_log = logging.getLogger("qwenq.worker")


@shared_task(name=ANSWER_CHUNK)
def answer_chunk(chunk_id: int) -> None:
    """Answer one chunk. Its message goes back to the queue when this worker cannot."""
    deadline = time.monotonic() + BUDGET_SECONDS
    from worker.process import working_process

    try:
        working_process().answer(chunk_id, deadline)
    except ModelUnavailable as error:
        _log.critical("%s", error)
        # Without its model this worker can only take messages from those that could answer.
        if os.getppid() == _PARENT:
            os.kill(_PARENT, signal.SIGTERM)
        raise Reject(str(error), requeue=True) from error
    except StoreAway as error:
        _log.critical("%s", error)
        raise Reject(str(error), requeue=True) from error


@shared_task(name=RECONCILE)
def reconcile_store() -> None:
    """Rescue and announce what is stranded."""
    settings = settings_of_process()
    store, broker = Store.of(settings), Broker(settings)
    try:
        report = reconcile(store, broker, settings)
        _log.info("reconciled %s", report)
    finally:
        store.close()
        broker.close()
