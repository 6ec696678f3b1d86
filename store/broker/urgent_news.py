"""The broker tells busy workers that an urgent chunk waits: they take no messages until their turn ends.

Like a message, this is a hint: whoever misses it finds the chunk in the store.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from kombu import Connection, Producer

from qwenq.schemas.chunks import Announcement
from qwenq.schemas.errors import BrokerAway
from qwenq.store.broker.broker import Broker, queue_name

CHANNEL = "qwenq.urgent"
AWAY_SECONDS = 1.0
"""How long a broker that was away is not tried again: each try may take seconds."""


class UrgentAnnouncer:
    """Announces urgent chunks over a connection that stays open: making one takes longer. Threads may share it."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._using = threading.Lock()
        self._open: tuple[Connection, Producer] | None = None
        self._away: tuple[float, BrokerAway] | None = None

    def announce(self, one: Announcement) -> None:
        """Tell idle workers by a message, busy ones by the channel. Raises BrokerAway."""
        with self._using:
            if self._away is not None and time.monotonic() < self._away[0]:
                raise self._away[1]
            if self._open is not None:
                with suppress(BrokerAway):  # the other side may have closed it meanwhile
                    self._send(one)
                    return
                self._drop()
            try:
                self._send(one)
            except BrokerAway as away:
                self._drop()
                self._away = time.monotonic() + AWAY_SECONDS, away
                raise

    def _send(self, one: Announcement) -> None:
        with self._broker.answering():
            if self._open is None:
                connection = self._broker.app.connection_for_write()
                self._open = connection, self._broker.app.amqp.Producer(connection)
            _, producer = self._open
            self._broker.announce([one], producer)
            channel: Any = producer.channel
            channel.client.publish(CHANNEL, queue_name(one.model))

    def _drop(self) -> None:
        if self._open is not None:
            with suppress(Exception):
                self._open[0].close()
            self._open = None


@contextmanager
def urgent_news(broker: Broker, model: str) -> Iterator[Callable[[float], bool]]:
    """A function that waits so many seconds for news of this model, and says whether they came. Raises BrokerAway."""
    wanted = queue_name(model).encode()
    with broker.client() as client, client.pubsub(ignore_subscribe_messages=True) as channel:
        channel.subscribe(CHANNEL)

        def told(seconds: float) -> bool:
            until = time.monotonic() + seconds
            while (left := until - time.monotonic()) > 0:
                message = channel.get_message(timeout=left)
                if message is not None and message["data"] == wanted:
                    return True
            return False

        yield told
