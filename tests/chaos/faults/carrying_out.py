"""Carry out a fault of the plan, and note when it began and ended and which processes it met."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import psutil

from qwenq.schemas.errors import JobNotPausable, JobNotRetryable, NothingToRetry, StoreAway
from tests.chaos.faults import jobs, servers, workers
from tests.chaos.plan import Fault, NothingToMeet, Trouble
from tests.chaos.world.world import World

_NOTHING_THERE = (NothingToMeet, JobNotPausable, JobNotRetryable, NothingToRetry)
Deed = Callable[[World, Fault], list[int]]
"""Does a fault, and undoes it after its time. Returns the ids of the processes that it met."""


@dataclass(frozen=True, slots=True)
class Met:
    """A fault that was carried out. Times are in seconds since 1970; `pids` are the processes that it met.

    `why` says what was missing if there was nothing to trouble.
    """

    fault: Fault
    began_at: float
    ended_at: float
    pids: tuple[int, ...] = ()
    why: str | None = None

    @property
    def missed(self) -> bool:
        """Whether there was nothing to trouble."""
        return self.why is not None


def carry_out(world: World, fault: Fault) -> Met:
    """Do the fault, and undo it after its time."""
    began_at = time.time()
    try:
        pids = _DEEDS[fault.trouble](world, fault)
    except (*_NOTHING_THERE, StoreAway, psutil.NoSuchProcess) as missing:
        return Met(fault, began_at, time.time(), why=str(missing))
    return Met(fault, began_at, time.time(), tuple(pids))


_DEEDS: Mapping[Trouble, Deed] = {
    Trouble.KILL_CHILD: workers.kill_child,
    Trouble.KILL_PARENT: workers.kill_parent,
    Trouble.KILL_WORKER: workers.kill_worker,
    Trouble.STOP_CHILD: workers.stop_child,
    Trouble.STOP_PARENT: workers.stop_parent,
    Trouble.KILL_STORE_PROCESS: workers.kill_store_process,
    Trouble.STOP_STORE_PROCESS: workers.stop_store_process,
    Trouble.ASK_TO_STOP: workers.ask_to_stop,
    Trouble.WORKER_VANISHED: workers.vanish,
    Trouble.KILL_PRODUCER: jobs.kill_producer,
    Trouble.CANCEL: jobs.cancel,
    Trouble.PAUSE: jobs.pause,
    Trouble.RETRY: jobs.retry,
    Trouble.POISON: jobs.poison,
    Trouble.HANG: jobs.hang,
    Trouble.REDIS_RESTART: servers.restart_redis,
    Trouble.REDIS_FLUSH: servers.flush_redis,
    Trouble.REDIS_CUT: servers.cut_redis,
    Trouble.REDIS_HELD: servers.hold_redis,
    Trouble.REDIS_SLOW: servers.slow_redis,
    Trouble.STORE_FAST_RESTART: servers.restart_postgres,
    Trouble.STORE_CRASH: servers.crash_postgres,
    Trouble.STORE_CUT: servers.cut_store,
    Trouble.STORE_HELD: servers.hold_store,
    Trouble.STORE_SLOW: servers.slow_store,
    Trouble.STORE_LOCKED: servers.lock_sqlite,
}
