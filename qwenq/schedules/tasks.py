"""The Celery task of schedules, taken by the small worker that `qwenq beat` brings."""

import logging

from celery import shared_task

from qwenq.schedules.ticking import tick
from qwenq.schemas.errors import StoreAway
from qwenq.schemas.log.events import Event
from qwenq.schemas.settings import settings_of_process
from qwenq.store.broker.broker import TICK, Broker
from qwenq.store.database.store import Store

_log = logging.getLogger("qwenq.schedules")


@shared_task(name=TICK, send_events=False)
def tick_schedules() -> None:
    """Do what schedules have to do now."""
    settings = settings_of_process()
    try:
        with Store.of(settings) as store, Broker(settings) as broker:
            report = tick(store, broker, settings)
    except StoreAway as away:
        _log.warning(Event.STORE_AWAY, extra={"reason": str(away)})
        return
    told = report.model_dump()
    if any(told.values()):
        _log.info(Event.SCHEDULES_TICKED, extra=told)
