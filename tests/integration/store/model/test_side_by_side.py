"""Two concurrent transactions on one job, one stopped between any two statements, end like two in sequence.

SQLite has one writer at a time. PostgreSQL has many: here the first transaction is stopped before one of its
statements, and at last before its commit; the second runs until it ends or waits for a lock; then the first goes on.
"""

import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import combinations_with_replacement

import pytest
from sqlalchemy import Connection, event

from qwenq.store.database.store import Store
from tests.builders import make_worker
from tests.integration.store.conftest import wait_until_blocked
from tests.integration.store.model.invariants import check
from tests.integration.store.model.nouns import Job
from tests.integration.store.model.scene import DEEDS, Deed, Rest, Scene, done
from tests.integration.store.model.watching import watched
from tests.waiting import eventually

EVERY_PAIR = "MODEL_EXAMPLES" in os.environ
SECONDS = 30
Workers = tuple[int, int, int]
MOST_LIKELY = (
    ("claim", "claim", Rest.WAITING),
    ("claim", "claim next", Rest.WAITING),
    ("claim", "cancel", Rest.WAITING),
    ("claim", "pause", Rest.WAITING),
    ("claim next", "resume", Rest.PAUSED),
    ("claim what is held", "give back", Rest.WAITING),
    ("rescue", "rescue", Rest.WAITING),
    ("rescue", "rescue the second's", Rest.WAITING),
    ("rescue", "write", Rest.WAITING),
    ("rescue", "cancel", Rest.WAITING),
    ("cancel", "write", Rest.WAITING),
    ("cancel", "give back", Rest.WAITING),
    ("pause", "finish the first", Rest.NOTHING),
    ("finish the first", "finish the second", Rest.NOTHING),
    ("finish the first", "finish the second", Rest.PAUSED),
    ("retry", "claim what is held", Rest.OVER),
    ("retry", "claim next", Rest.OVER),
    ("retry", "retry", Rest.OVER),
    ("retry", "write", Rest.OVER),
    ("retry", "prune", Rest.OVER),
    ("prune", "prune", Rest.OVER),
    ("prune", "finish the second", Rest.NOTHING),
)


@pytest.fixture
def workers(postgres: Store) -> Workers:
    return make_worker(postgres), make_worker(postgres), make_worker(postgres)


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(2) as threads:
        yield threads


class _Stop:
    """Stops a transaction before its statement number `at`, from 0, or at its end when it has no more than that."""

    def __init__(self, at: int) -> None:
        self._left = at
        self.reached = threading.Event()
        self.over = threading.Event()
        self.at_the_end = False

    def do(self, store: Store, deed: Deed, scene: Scene) -> None:
        """Do it, and stop on the way."""

        def stopping(connection: Connection, scene: Scene) -> None:
            event.listen(connection, "before_cursor_execute", lambda *_: self._count())
            deed(connection, scene)
            self.at_the_end = not self.reached.is_set()
            self._stop()

        done(store, replace(deed, do=stopping), scene)

    def _count(self) -> None:
        if self._left == 0:
            self._stop()
        self._left -= 1

    def _stop(self) -> None:
        if not self.reached.is_set():
            self.reached.set()
            assert self.over.wait(SECONDS)


def races() -> list[tuple[str, str, Rest]]:
    """The pairs to try: all when asked for, else those that meet most often."""
    if EVERY_PAIR:
        pairs = combinations_with_replacement(DEEDS, 2)
        return [(one, other, rest) for one, other in pairs for rest in Rest]
    return list(MOST_LIKELY)


@pytest.mark.parametrize(("one", "other", "rest"), races(), ids=str)
def test_two_concurrent_transactions_end_like_two_in_sequence(
    postgres: Store, workers: Workers, threads: ThreadPoolExecutor, one: str, other: str, rest: Rest
) -> None:
    for first, second in {(one, other), (other, one)}:
        race = _Race(postgres, workers, threads, DEEDS[first], DEEDS[second], rest)
        allowed = race.one_after_the_other()
        at, ended = 0, False
        while not ended:
            ended = race.at_once(at)
            (job,) = watched(postgres).values()
            check(job)
            assert job in allowed, f"{first}, stopped before its statement {at}, and {second}"
            at += 1


@dataclass(frozen=True)
class _Race:
    """Two deeds in one scene, the second begun while the first is stopped."""

    store: Store
    workers: Workers
    threads: ThreadPoolExecutor
    first: Deed
    second: Deed
    rest: Rest

    def one_after_the_other(self) -> list[Job]:
        """The allowed results: a deed that only looks may also find all rows locked."""
        orders: list[tuple[Deed, ...]] = [(self.first, self.second), (self.second, self.first)]
        if self.second.looks:
            orders.append((self.first,))
        if self.first.looks:
            orders.append((self.second,))
        return [self._in_turn(deeds) for deeds in orders]

    def _in_turn(self, deeds: tuple[Deed, ...]) -> Job:
        scene = Scene.of(self.store, self.workers, self.rest)
        for deed in deeds:
            done(self.store, deed, scene)
        (job,) = watched(self.store).values()
        return job

    def at_once(self, at: int) -> bool:
        """Do the second while the first is stopped before a statement. Returns whether that was past the last one."""
        scene = Scene.of(self.store, self.workers, self.rest)
        stop = _Stop(at)
        doing = self.threads.submit(stop.do, self.store, self.first, scene)
        eventually(lambda: stop.reached.is_set() or doing.done(), f"{self.first} at statement {at}", SECONDS)
        try:
            beside = self.threads.submit(done, self.store, self.second, scene)
            wait_until_blocked(self.store, beside)
        finally:
            stop.over.set()
        doing.result(SECONDS)
        beside.result(SECONDS)
        return stop.at_the_end or not stop.reached.is_set()
