"""Carrying out a fault of the plan, and noting when it began and ended, and whom it met."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import psutil

from qwenq.schemas.errors import JobNotPausable, JobNotRetryable, NothingToRetry, StoreAway
from tests.chaos import on_jobs, on_servers, on_workers
from tests.chaos.plan import Fault, NothingToMeet, Trouble
from tests.chaos.world import World

_NOTHING_THERE = (NothingToMeet, JobNotPausable, JobNotRetryable, NothingToRetry)
Deed = Callable[[World, Fault], list[int]]
"""Does what a fault says, and undoes it after its time. Returns the ids of the processes that it met."""


@dataclass(frozen=True, slots=True)
class Met:
    """A fault that was carried out, from and until, in seconds since 1970; `pids` are the processes that it met.

    `why` says what it did not find, where there was nothing to do it to.
    """

    fault: Fault
    began_at: float
    ended_at: float
    pids: tuple[int, ...] = ()
    why: str | None = None

    @property
    def missed(self) -> bool:
        """Whether there was nothing to do it to."""
        return self.why is not None


def carry_out(world: World, fault: Fault) -> Met:
    """Do what the fault says, and undo it after its time."""
    began_at = time.time()
    try:
        pids = _DEEDS[fault.trouble](world, fault)
    except (*_NOTHING_THERE, StoreAway, psutil.NoSuchProcess) as missing:
        return Met(fault, began_at, time.time(), why=str(missing))
    return Met(fault, began_at, time.time(), tuple(pids))


_DEEDS: Mapping[Trouble, Deed] = {
    Trouble.KILL_CHILD: on_workers.kill_child,
    Trouble.KILL_PARENT: on_workers.kill_parent,
    Trouble.KILL_WORKER: on_workers.kill_worker,
    Trouble.STOP_CHILD: on_workers.stop_child,
    Trouble.STOP_PARENT: on_workers.stop_parent,
    Trouble.KILL_STORE_PROCESS: on_workers.kill_store_process,
    Trouble.STOP_STORE_PROCESS: on_workers.stop_store_process,
    Trouble.ASK_TO_STOP: on_workers.ask_to_stop,
    Trouble.WORKER_VANISHED: on_workers.vanish,
    Trouble.KILL_PRODUCER: on_jobs.kill_producer,
    Trouble.CANCEL: on_jobs.cancel,
    Trouble.PAUSE: on_jobs.pause,
    Trouble.RETRY: on_jobs.retry,
    Trouble.POISON: on_jobs.poison,
    Trouble.HANG: on_jobs.hang,
    Trouble.REDIS_RESTART: on_servers.restart_redis,
    Trouble.REDIS_FLUSH: on_servers.flush_redis,
    Trouble.REDIS_CUT: on_servers.cut_redis,
    Trouble.REDIS_HELD: on_servers.hold_redis,
    Trouble.REDIS_SLOW: on_servers.slow_redis,
    Trouble.STORE_FAST_RESTART: on_servers.restart_postgres,
    Trouble.STORE_CRASH: on_servers.crash_postgres,
    Trouble.STORE_CUT: on_servers.cut_store,
    Trouble.STORE_HELD: on_servers.hold_store,
    Trouble.STORE_SLOW: on_servers.slow_store,
    Trouble.STORE_LOCKED: on_servers.lock_sqlite,
}
