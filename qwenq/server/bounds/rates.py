"""How often somebody may do something: counted in Redis for all processes, in memory while Redis is away."""

import math
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

from limits import RateLimitItem, RateLimitItemPerHour, RateLimitItemPerMinute
from limits.storage import MemoryStorage, RedisStorage, Storage
from limits.strategies import SlidingWindowCounterRateLimiter
from redis import ConnectionPool
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from qwenq.schemas.settings import Settings
from qwenq.store.broker.broker import broker_url

KEYS = "qwenq.limits"
"""What the keys in Redis begin with."""
ANSWER_SECONDS = 0.25
"""How long Redis may take; then it counts as away."""
AWAY_SECONDS = 5.0
"""How long a Redis that was away is left alone."""


@dataclass(frozen=True, slots=True)
class Rate:
    """At most so many a minute or an hour, for somebody."""

    most: int
    per_hour: bool
    whose: tuple[str, ...]

    @property
    def item(self) -> RateLimitItem:
        """The same for the library."""
        return (RateLimitItemPerHour if self.per_hour else RateLimitItemPerMinute)(self.most)


@dataclass(frozen=True, slots=True)
class Standing:
    """How a rate stands: how many are left, when there are more, and whether the last one was refused."""

    rate: Rate
    left: int
    seconds: float
    refused: bool


class Rates:
    """Counts over a sliding window. Threads may share it. Nothing is raised while Redis is away."""

    def __init__(self, settings: Settings) -> None:
        # Only the first of several brokers: the count may begin anew when another takes over.
        url = broker_url(settings).partition(";")[0].replace("redis+socket://", "unix://")
        pool = ConnectionPool.from_url(
            url.replace("virtual_host=", "db="),
            socket_timeout=ANSWER_SECONDS,
            socket_connect_timeout=ANSWER_SECONDS,
            retry=Retry(NoBackoff(), 1),
        )
        self._redis = _limiter(RedisStorage("redis://", connection_pool=pool, key_prefix=KEYS))
        self._memory: SlidingWindowCounterRateLimiter | None = None
        self._lock = threading.Lock()
        self._away_until = -math.inf

    def hit(self, rates: Sequence[Rate]) -> Standing:
        """Count one of each rate, in order, up to the first that refuses it: then this stands so, else the first."""
        if time.monotonic() >= self._away_until:
            try:
                return _hit(self._redis, rates)
            except RedisError:
                self._away_until = time.monotonic() + AWAY_SECONDS
        return _hit(self._in_memory(), rates)

    def _in_memory(self) -> SlidingWindowCounterRateLimiter:
        with self._lock:
            if self._memory is None:
                self._memory = _limiter(MemoryStorage())
            return self._memory


def _limiter(storage: Storage) -> SlidingWindowCounterRateLimiter:
    return SlidingWindowCounterRateLimiter(storage)


def _hit(limiter: SlidingWindowCounterRateLimiter, rates: Sequence[Rate]) -> Standing:
    refused = next((rate for rate in rates if not limiter.hit(rate.item, *rate.whose)), None)
    # Only of one: each costs a request to Redis.
    told = refused or rates[0]
    reset_at, left = limiter.get_window_stats(told.item, *told.whose)
    return Standing(told, left, max(0.0, reset_at - time.time()), refused is not None)
