"""Faults of servers and of the links to them."""

import sqlite3
import time
from collections.abc import Callable
from contextlib import closing

from tests.chaos.plan import Fault
from tests.chaos.world.proxy import SLOW_SECONDS, Link
from tests.chaos.world.world import World

LOCK_WAIT_SECONDS = 10.0


def restart_redis(world: World, fault: Fault) -> list[int]:
    """Restart Redis politely."""
    world.redis.restart()
    return []


def flush_redis(world: World, fault: Fault) -> list[int]:
    """Delete all messages, and Celery's record of the unacknowledged ones."""
    world.redis.flush()
    return []


def cut_redis(world: World, fault: Fault) -> list[int]:
    """Cut one worker off from Redis."""
    return _trouble(world.redis_links[fault.worker], Link.cut, fault)


def hold_redis(world: World, fault: Fault) -> list[int]:
    """Hold all bytes between one worker and Redis."""
    return _trouble(world.redis_links[fault.worker], Link.hold, fault)


def slow_redis(world: World, fault: Fault) -> list[int]:
    """Slow the link between one worker and Redis."""
    return _trouble(world.redis_links[fault.worker], _slow_down, fault)


def restart_postgres(world: World, fault: Fault) -> list[int]:
    """Restart PostgreSQL as an update does."""
    assert world.postgres is not None
    world.postgres.restart_fast()
    return []


def crash_postgres(world: World, fault: Fault) -> list[int]:
    """Crash PostgreSQL, and let it recover."""
    assert world.postgres is not None
    world.postgres.crash()
    return []


def cut_store(world: World, fault: Fault) -> list[int]:
    """Cut one worker off from PostgreSQL."""
    return _trouble(world.store_links[fault.worker], Link.cut, fault)


def hold_store(world: World, fault: Fault) -> list[int]:
    """Hold all bytes between one worker and PostgreSQL."""
    return _trouble(world.store_links[fault.worker], Link.hold, fault)


def slow_store(world: World, fault: Fault) -> list[int]:
    """Slow the link between one worker and PostgreSQL."""
    return _trouble(world.store_links[fault.worker], _slow_down, fault)


def lock_sqlite(world: World, fault: Fault) -> list[int]:
    """Hold SQLite's write lock, so that no other process can write."""
    path = world.store.engine.url.database
    assert path is not None
    with closing(sqlite3.connect(path, timeout=LOCK_WAIT_SECONDS, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        time.sleep(fault.seconds)
        connection.execute("ROLLBACK")
    return []


def _trouble(link: Link, trouble: Callable[[Link], None], fault: Fault) -> list[int]:
    trouble(link)
    try:
        time.sleep(fault.seconds)
    finally:
        link.heal()
    return []


def _slow_down(link: Link) -> None:
    link.slow_down(SLOW_SECONDS)
