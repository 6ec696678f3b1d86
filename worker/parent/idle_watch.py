"""Notices a deaf worker: chunks of its model wait while it is idle. First it heals, then it leaves.

The store is the truth. Whatever made the worker deaf (its consumer was cancelled, a message was lost, a fault of a
library), the chunks show it.
"""

import logging
import time
from typing import Any

from celery.worker import state as celery_state

from qwenq.schemas.chunks import Announcement
from qwenq.schemas.errors import WorkerDeaf
from qwenq.schemas.log.events import Event
from qwenq.store.broker.broker import Broker, queue_name
from qwenq.store.broker.transport import ARRIVALS
from qwenq.store.database.store import Store
from qwenq.store.views.work.announcements import announced_for_worker

PATIENCE_SECONDS = 30.0

_log = logging.getLogger("qwenq.worker")


class IdleWatch:
    """Compares what the worker receives with what waits in the store. For the housekeeping thread."""

    def __init__(self, store: Store, broker: Broker, worker_id: int, model: str) -> None:
        self._store = store
        self._broker = broker
        self._worker_id = worker_id
        self._model = model
        self._arrivals = -1
        self._idle_since = time.monotonic()
        self._next_look = 0.0
        self._announced_at: float | None = None
        self.consumer: Any = None

    def look(self) -> None:
        """Heal this worker if it is deaf. Raises WorkerDeaf when that did not help, StoreAway, BrokerAway."""
        moment = time.monotonic()
        # A refused message shows, too, that the worker hears.
        if self._arrivals != ARRIVALS.count or celery_state.reserved_requests or self.consumer is None:
            self._arrivals = ARRIVALS.count
            self._idle_since, self._announced_at = moment, None
            return
        if moment < max(self._idle_since + PATIENCE_SECONDS, self._next_look):
            return
        self._next_look = moment + PATIENCE_SECONDS / 3
        if self._announced_at is None:
            if waiting := self._waiting(PATIENCE_SECONDS):
                self._heal(waiting, moment)
        elif moment >= self._announced_at + PATIENCE_SECONDS:
            self._announced_at = None
            # Without a message in the queue, another worker has taken it.
            if (waiting := self._waiting(0.0)) and self._broker.depth(self._model):
                raise WorkerDeaf(seconds=round(moment - self._idle_since), chunks=len(waiting))

    def _waiting(self, seconds_ago: float) -> list[Announcement]:
        with self._store.reading() as connection:
            return announced_for_worker(connection, self._worker_id, seconds_ago)

    def _heal(self, waiting: list[Announcement], moment: float) -> None:
        """Take messages from the queue again, and announce one chunk: a worker that hears goes on with the others."""
        facts = {"seconds": round(moment - self._idle_since), "chunks": len(waiting)}
        _log.warning(Event.WORKER_IDLE, extra=facts)
        self.consumer.call_soon(self.consumer.add_task_queue, queue_name(self._model))
        # Not noted in the store: `qwenq health` sees there how long the chunk has waited.
        self._broker.announce(waiting[:1])
        self._announced_at = moment
