"""What the broker says of itself, for whoever looks after it."""

import time
from typing import Any

from redis.exceptions import ResponseError

from qwenq.schemas.views.health import BrokerFacts
from qwenq.store.broker.broker import Broker


def broker_facts(broker: Broker) -> BrokerFacts:
    """How quickly it answers, and how full it is. Raises BrokerAway."""
    broker.ping()
    with broker.client() as client:
        started = time.perf_counter()
        client.ping()
        seconds = time.perf_counter() - started
        memory = _memory_of(client)
    limit = int(memory.get("maxmemory", 0))
    return BrokerFacts(broker.url, seconds, int(memory.get("used_memory", 0)), limit or None)


def _memory_of(client: Any) -> dict[str, Any]:
    try:
        memory: dict[str, Any] = client.info("memory")
    except ResponseError:  # a Redis of somebody else's may forbid it
        return {}
    return memory
