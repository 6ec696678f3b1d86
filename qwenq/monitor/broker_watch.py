"""Watches the broker for the pages: whether it answers, and how many messages wait in each queue."""

import threading
import time
from collections.abc import Iterable, Mapping

from qwenq.schemas.errors import BrokerAway, InvalidSetting
from qwenq.schemas.settings import Settings
from qwenq.store.broker.broker import Broker

LOOK_SECONDS = 3.0
SILENT_SECONDS = 5.0
"""A broker that does not answer within this time is told as silent, while the look goes on."""


class BrokerWatch:
    """A thread that looks at the broker every few seconds. Pages ask it at no cost, and never wait for the broker."""

    def __init__(self, settings: Settings) -> None:
        self._broker = Broker(settings)
        self._away: str | None = None
        self._since: float | None = None
        self._queues: frozenset[str] = frozenset()
        self._depths: Mapping[str, int] = {}
        self._over = False
        self._wake = threading.Event()
        self._thread = threading.Thread(target=self._run, name="broker-watch", daemon=True)
        self._thread.start()

    @property
    def trouble(self) -> str | None:
        """Why the broker does not answer, and what to do, in sentences. None: it does, or was not asked yet."""
        since = self._since
        if since is not None and time.monotonic() - since > SILENT_SECONDS:
            reason = f"it did not respond within {SILENT_SECONDS:g} seconds"
            return str(BrokerAway(self._broker.url, reason, "Find out what its server is busy with"))
        return self._away

    def depths(self, queues: Iterable[str]) -> Mapping[str, int]:
        """The messages in each of these queues at the last look; a new queue is missing until the next."""
        asked = frozenset(queues)
        if not asked <= self._queues:
            self._queues |= asked
            self._wake.set()
        return self._depths

    def close(self) -> None:
        """Stop looking."""
        self._over = True
        self._wake.set()

    def _run(self) -> None:
        while not self._over:
            self._since = time.monotonic()
            try:
                self._broker.ping()
                self._depths = self._broker.depths(self._queues)
                self._away = None
            except (BrokerAway, InvalidSetting) as error:
                self._away, self._depths = str(error), {}
            self._since = None
            self._wake.wait(LOOK_SECONDS)
            self._wake.clear()
        self._broker.close()
