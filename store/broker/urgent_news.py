"""The broker tells busy workers that an urgent chunk waits: they take no messages until their turn ends.

Like a message, this is a hint: whoever misses it finds the chunk in the store.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from qwenq.schemas.chunks import Announcement
from qwenq.store.broker.broker import Broker, queue_name

CHANNEL = "qwenq.urgent"


def announce_urgent(broker: Broker, one: Announcement) -> None:
    """Announce an urgent chunk: to idle workers by a message, to busy ones by the channel. Raises BrokerAway."""
    broker.announce([one])
    with broker.client() as client:
        client.publish(CHANNEL, queue_name(one.model))


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
