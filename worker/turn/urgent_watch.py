"""Notices urgent chunks while a turn goes on: the broker tells of them at once, and the store is asked each second."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from qwenq.schemas.errors import BrokerAway
from qwenq.store.broker.broker import Broker
from qwenq.store.broker.urgent_news import urgent_news

LOOK_SECONDS = 1.0
"""Between two looks into the store, which knows also what the broker lost."""


class UrgentWatch:
    """Watches in a thread of its own for as long as the process lasts; `waits` asks the store for urgent chunks."""

    def __init__(self, broker: Broker, model: str, waits: Callable[[], bool]) -> None:
        self._broker = broker
        self._model = model
        self._waits = waits
        self._heed: tuple[Callable[[], None], ...] = ()
        self._looked_at = 0.0
        self._thread = threading.Thread(target=self._run, name="urgent-watch", daemon=True)

    def start(self) -> None:
        """Begin to watch."""
        self._thread.start()

    @contextmanager
    def heeded_by(self, *heed: Callable[[], None]) -> Iterator[None]:
        """Call these functions when an urgent chunk seems to wait, until the block ends."""
        self._heed = heed
        try:
            yield
        finally:
            self._heed = ()

    def _run(self) -> None:
        while True:
            try:
                with urgent_news(self._broker, self._model) as told:
                    while True:
                        self._look(is_told=told(LOOK_SECONDS))
            except BrokerAway:
                self._look(is_told=False)
                time.sleep(LOOK_SECONDS)

    def _look(self, *, is_told: bool) -> None:
        heed = self._heed
        if not heed:
            return
        if is_told or (self._is_due() and self._waits()):
            for one in heed:
                one()

    def _is_due(self) -> bool:
        if time.monotonic() - self._looked_at < LOOK_SECONDS / 2:
            return False
        self._looked_at = time.monotonic()
        return True
