"""Faults of workers: their processes are killed, stopped for a while, or asked to stop."""

import time
from contextlib import suppress

import psutil

from tests.chaos.plan import Fault, NothingToMeet
from tests.chaos.world.proxy import SLOW_SECONDS
from tests.chaos.world.world import World
from tests.processes import store_process_of


def kill_child(world: World, fault: Fault) -> list[int]:
    """Kill the working process; its parent starts another."""
    child = _child(world, fault)
    child.kill()
    return [child.pid]


def kill_parent(world: World, fault: Fault) -> list[int]:
    """Kill the parent alone: the orphan goes on with what it holds, beside the worker that is started instead."""
    parent = psutil.Process(world.crew.worker(fault.worker).pid)
    parent.kill()
    return [parent.pid]


def kill_worker(world: World, fault: Fault) -> list[int]:
    """Kill parent and child in one go."""
    _child(world, fault)
    return list(world.crew.kill(fault.worker))


def stop_child(world: World, fault: Fault) -> list[int]:
    """Stop the working process; past its lease it wakes up as a zombie."""
    return _stopped(_child(world, fault), fault.seconds)


def stop_parent(world: World, fault: Fault) -> list[int]:
    """Stop the parent: no heartbeat, no messages, no rescue, and nobody who hears a TERM."""
    return _stopped(psutil.Process(world.crew.worker(fault.worker).pid), fault.seconds)


def kill_store_process(world: World, fault: Fault) -> list[int]:
    """Kill the process that claims and writes for the working process, which starts another."""
    process = _store_process(world, fault)
    process.kill()
    return [process.pid]


def stop_store_process(world: World, fault: Fault) -> list[int]:
    """Stop that process: generation goes on, and nothing of it is written."""
    return _stopped(_store_process(world, fault), fault.seconds)


def ask_to_stop(world: World, fault: Fault) -> list[int]:
    """Send TERM, as a deploy does."""
    child, worker = _child(world, fault), world.crew.worker(fault.worker)
    worker.ask_to_stop()
    return [worker.pid, child.pid]


def vanish(world: World, fault: Fault) -> list[int]:
    """End the worker, and tell no server: PostgreSQL keeps its sessions, with the locks that they hold.

    Its link becomes slow before, so that it goes in the middle of a transaction.
    """
    _child(world, fault)
    world.store_links[fault.worker].slow_down(SLOW_SECONDS)
    time.sleep(10 * SLOW_SECONDS)
    world.store_links[fault.worker].strand()
    world.redis_links[fault.worker].strand()
    return list(world.crew.kill(fault.worker))


def _stopped(process: psutil.Process, seconds: float) -> list[int]:
    process.suspend()
    try:
        time.sleep(seconds)
    finally:
        with suppress(psutil.NoSuchProcess):
            process.resume()
    return [process.pid]


def _store_process(world: World, fault: Fault) -> psutil.Process:
    process = store_process_of(_child(world, fault))
    if process is None:
        raise NothingToMeet("the worker had no process that works on the store")
    return process


def _child(world: World, fault: Fault) -> psutil.Process:
    child = world.crew.working_process(fault.worker)
    if child is None:
        raise NothingToMeet("the worker had no working process")
    return child
