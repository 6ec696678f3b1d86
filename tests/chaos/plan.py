"""The plan of a run: which faults happen when. The same seed gives the same plan."""

import random
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum

WORKERS = 3
"""Workers with the noting engine. A long run has one more, with the tiny model."""
QUIET_SECONDS = 3.0
"""Before the first fault, for the workers to start."""


class Trouble(StrEnum):
    """A kind of fault."""

    KILL_CHILD = "kill -9 of the working process"
    KILL_PARENT = "kill -9 of the parent process"
    KILL_WORKER = "kill -9 of the whole worker"
    STOP_CHILD = "SIGSTOP of the working process"
    STOP_PARENT = "SIGSTOP of the parent process"
    KILL_STORE_PROCESS = "kill -9 of the store process"
    STOP_STORE_PROCESS = "SIGSTOP of the store process"
    ASK_TO_STOP = "TERM in mid-job"
    KILL_PRODUCER = "kill -9 of a producer"
    CANCEL = "cancel in mid-job"
    PAUSE = "pause and resume in mid-job"
    RETRY = "retry of what failed"
    POISON = "a document that kills"
    HANG = "a document that never ends"
    REDIS_RESTART = "Redis: restart"
    REDIS_FLUSH = "Redis: FLUSHALL"
    REDIS_CUT = "Redis: connections cut"
    REDIS_HELD = "Redis: nothing comes through"
    REDIS_SLOW = "Redis: slow connections"
    STORE_FAST_RESTART = "PostgreSQL: fast restart"
    STORE_CRASH = "PostgreSQL: immediate restart"
    STORE_CUT = "PostgreSQL: connections cut"
    STORE_HELD = "PostgreSQL: nothing comes through"
    STORE_SLOW = "PostgreSQL: slow connections"
    WORKER_VANISHED = "PostgreSQL: a worker's machine vanishes"
    STORE_LOCKED = "SQLite: locked by another program"


WEIGHTS: Mapping[Trouble, int] = {
    Trouble.KILL_CHILD: 5,
    Trouble.KILL_PARENT: 2,
    Trouble.KILL_WORKER: 4,
    Trouble.STOP_CHILD: 4,
    Trouble.STOP_PARENT: 2,
    Trouble.KILL_STORE_PROCESS: 3,
    Trouble.STOP_STORE_PROCESS: 2,
    Trouble.ASK_TO_STOP: 3,
    Trouble.KILL_PRODUCER: 2,
    Trouble.CANCEL: 2,
    Trouble.PAUSE: 2,
    Trouble.RETRY: 3,
    Trouble.POISON: 1,
    Trouble.HANG: 1,
    Trouble.REDIS_RESTART: 2,
    Trouble.REDIS_FLUSH: 3,
    Trouble.REDIS_CUT: 2,
    Trouble.REDIS_HELD: 2,
    Trouble.REDIS_SLOW: 1,
}
WEIGHTS_OF_STORE: Mapping[str, Mapping[Trouble, int]] = {
    "postgresql": {
        Trouble.STORE_FAST_RESTART: 1,
        Trouble.STORE_CRASH: 2,
        Trouble.STORE_CUT: 3,
        Trouble.STORE_HELD: 3,
        Trouble.STORE_SLOW: 1,
        Trouble.WORKER_VANISHED: 2,
    },
    "sqlite": {Trouble.STORE_LOCKED: 3},
}
LONG_TO_FIND = frozenset({Trouble.POISON, Trouble.HANG})
"""Faults that end a process repeatedly until the document is found. A short run has no time for that."""
# Bounds of a fault's duration, in seconds. Half of the faults outlast a lease of two seconds.
_LASTS = (0.5, 6.0)


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault, `at` seconds after the start, lasting `seconds`. `worker` is the place of the worker that it meets."""

    at: float
    trouble: Trouble
    worker: int
    seconds: float


class NothingToMeet(Exception):
    """There is nothing to trouble just now."""


def draw_plan(
    seed: int,
    database: str,
    seconds: float,
    a_minute: float,
    without: Collection[Trouble] = (),
    workers: int = WORKERS,
) -> tuple[Fault, ...]:
    """Draw faults at random moments, `a_minute` of them a minute; they may overlap.

    Each kind that this database can have comes once before any comes by its weight; none of those `without`.
    """
    drawn = random.Random(f"{seed} {database}")
    possible = {**WEIGHTS, **WEIGHTS_OF_STORE[database]}
    weights = {kind: weight for kind, weight in possible.items() if kind not in without}
    count = max(1, round(seconds * a_minute / 60))
    kinds = drawn.sample(list(weights), len(weights))[:count]
    kinds += drawn.choices(list(weights), list(weights.values()), k=count - len(kinds))
    moments = sorted(drawn.uniform(QUIET_SECONDS, seconds) for _ in kinds)
    return tuple(
        Fault(round(at, 2), kind, drawn.randrange(workers), round(drawn.uniform(*_LASTS), 2))
        for at, kind in zip(moments, kinds, strict=True)
    )
