"""The Celery task of schedules. The worker without a model in `qwenq beat` executes it."""

import atexit
import logging

from celery import shared_task

from qwenq.schedules.processes.steps import RunProcesses
from qwenq.schedules.ticking import tick
from qwenq.schemas.errors import StoreAway
from qwenq.schemas.log.events import Event
from qwenq.schemas.settings import settings_of_process
from qwenq.store.broker.broker import Broker
from qwenq.store.broker.task_messages import TICK
from qwenq.store.database.store import Store

_log = logging.getLogger("qwenq.schedules")
_processes = RunProcesses()
atexit.register(_processes.stop)


@shared_task(name=TICK, send_events=False)
def tick_schedules() -> None:
    """Run one tick."""
    settings = settings_of_process()
    try:
        with Store.of(settings) as store, Broker(settings) as broker:
            report = tick(store, broker, settings, advance=_processes.advance)
    except StoreAway as away:
        _log.warning(Event.STORE_AWAY, extra={"reason": str(away)})
        return
    counts = report.model_dump(exclude={"failures"})
    if any(counts.values()):
        _log.info(Event.SCHEDULES_TICKED, extra=counts)
