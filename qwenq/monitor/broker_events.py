"""Celery's events for Flower, with a quick reconnect after the broker was away."""

import logging
import threading
from collections.abc import Callable
from typing import Any

from celery import Celery
from celery.events import EventReceiver
from flower.events import Events
from tornado.ioloop import IOLoop

from qwenq.schemas.errors import BrokerAway
from qwenq.worker.reach import Reach

AGAIN_SECONDS = 2.0

_log = logging.getLogger("qwenq.monitor")


class BrokerEvents(Events):  # type: ignore[misc]  # Flower has no types
    """Flower's thread for events. Flower's own cannot be stopped, and doubles its pause while the broker is away.

    `address` is the broker's, without its password.
    """

    def __init__(self, celery: Celery, address: str, options: Any, io_loop: IOLoop) -> None:
        super().__init__(
            celery,
            io_loop,
            db=options.db,
            persistent=options.persistent,
            state_save_interval=options.state_save_interval,
            enable_events=options.enable_events,
            max_workers_in_memory=options.max_workers,
            max_tasks_in_memory=options.max_tasks,
        )
        self.name = "events"
        self._address = address
        self._over = threading.Event()
        self._reach = Reach(_log)

    def run(self) -> None:
        """Capture events until `stop`."""
        while not self._over.is_set():
            try:
                with self.capp.connection() as connection:
                    _Receiver(connection, self.capp, self.on_event, self._on_answer, self._over).capture()
            except Exception as error:  # noqa: BLE001 - Flower shows its other pages without events
                if self._over.is_set():
                    return
                self._reach.note_away(BrokerAway(self._address, str(error).rstrip(".")))
                self._over.wait(AGAIN_SECONDS)

    def stop(self) -> None:
        """Ask the thread to end. It does within a second or two, unless the broker hangs."""
        self._over.set()
        super().stop()

    def _on_answer(self) -> None:
        self._reach.note_answer(BrokerAway)


class _Receiver(EventReceiver):
    """Receives events until `over` is set, and calls `on_ready` when it begins."""

    connect_max_retries = 1

    def __init__(
        self,
        connection: Any,
        celery: Celery,
        on_event: Callable[[Any], None],
        on_ready: Callable[[], None],
        over: threading.Event,
    ) -> None:
        super().__init__(connection, handlers={"*": on_event}, app=celery)
        self._on_ready = on_ready
        self._over = over

    @property
    def should_stop(self) -> bool:  # type: ignore[override]  # Celery sets it nowhere
        """Celery checks this between two events, and each second without one."""
        return self._over.is_set()

    def on_consume_ready(self, *given: Any, **named: Any) -> None:
        """Report that the connection is ready."""
        super().on_consume_ready(*given, **named)
        self._on_ready()
