"""Faults of servers and of the ways to them."""

import sqlite3
import time
from collections.abc import Callable
from contextlib import closing

from tests.chaos.plan import Fault
from tests.chaos.world.proxy import SLOW_SECONDS, Link
from tests.chaos.world.world import World

LOCK_WAIT_SECONDS = 10.0


def restart_redis(world: World, fault: Fault) -> list[int]:
    """Stop Redis politely, and start it anew."""
    world.redis.restart()
    return []


def flush_redis(world: World, fault: Fault) -> list[int]:
    """Throw away all messages, and what Celery knows of those that are being worked on."""
    world.redis.flush()
    return []


def cut_redis(world: World, fault: Fault) -> list[int]:
    """Cut one worker off from Redis."""
    return _trouble(world.redis_links[fault.worker], Link.cut, fault)


def hold_redis(world: World, fault: Fault) -> list[int]:
    """Let nothing through between one worker and Redis."""
    return _trouble(world.redis_links[fault.worker], Link.hold, fault)


def slow_redis(world: World, fault: Fault) -> list[int]:
    """Let all that goes between one worker and Redis take its time."""
    return _trouble(world.redis_links[fault.worker], _slow_down, fault)


def restart_postgres(world: World, fault: Fault) -> list[int]:
    """Restart PostgreSQL as an update does."""
    assert world.postgres is not None
    world.postgres.restart_fast()
    return []


def crash_postgres(world: World, fault: Fault) -> list[int]:
    """End PostgreSQL without a word, and have it recover."""
    assert world.postgres is not None
    world.postgres.crash()
    return []


def cut_store(world: World, fault: Fault) -> list[int]:
    """Cut one worker off from PostgreSQL."""
    return _trouble(world.store_links[fault.worker], Link.cut, fault)


def hold_store(world: World, fault: Fault) -> list[int]:
    """Let nothing through between one worker and PostgreSQL."""
    return _trouble(world.store_links[fault.worker], Link.hold, fault)


def slow_store(world: World, fault: Fault) -> list[int]:
    """Let all that goes between one worker and PostgreSQL take its time."""
    return _trouble(world.store_links[fault.worker], _slow_down, fault)


def lock_sqlite(world: World, fault: Fault) -> list[int]:
    """Hold SQLite's write lock: nobody else can write."""
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
