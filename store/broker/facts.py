"""Facts about the broker for health checks."""

import time
from typing import Any

from redis.exceptions import ResponseError

from qwenq.schemas.views.health import BrokerFacts
from qwenq.store.broker.broker import Broker


def broker_facts(broker: Broker) -> BrokerFacts:
    """Measure its response time and its memory. Raises BrokerAway."""
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
    except ResponseError:  # a managed Redis may forbid it
        return {}
    return memory
