"""The Celery task of batches. The worker without a model in `qwenq beat` executes it."""

import atexit
import logging

from celery import shared_task

from qwenq.schemas.errors import FilesAway, StoreAway
from qwenq.schemas.settings import settings_of_process
from qwenq.server.batches.caretaker import Caretaker
from qwenq.server.batches.step_processes import StepProcesses
from qwenq.store.broker.broker import Broker
from qwenq.store.broker.task_messages import CARE
from qwenq.store.database.store import Store
from qwenq.store.files.storage import Storage

_log = logging.getLogger("qwenq.server")
_steps = StepProcesses()
atexit.register(_steps.stop)


@shared_task(name=CARE, send_events=False)
def care_for_batches() -> None:
    """Look at batches once; the long steps go on in processes of their own."""
    settings = settings_of_process()
    try:
        with Store.of(settings) as store, Broker(settings) as broker:
            Caretaker(store, broker, Storage.of(settings), settings, _steps).look_at_batches()
    except (StoreAway, FilesAway) as away:
        _log.warning("%s", away)
