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
    """Kill the parent alone: the orphan goes on with its claims, beside the restarted worker."""
    parent = psutil.Process(world.crew.worker(fault.worker).pid)
    parent.kill()
    return [parent.pid]


def kill_worker(world: World, fault: Fault) -> list[int]:
    """Kill parent and child in one go."""
    _child(world, fault)
    return list(world.crew.kill(fault.worker))


def stop_child(world: World, fault: Fault) -> list[int]:
    """Stop the working process. It wakes up when its lease has run out."""
    return _stopped(_child(world, fault), fault.seconds)


def stop_parent(world: World, fault: Fault) -> list[int]:
    """Stop the parent: no heartbeat, no messages, no rescue, no answer to TERM."""
    return _stopped(psutil.Process(world.crew.worker(fault.worker).pid), fault.seconds)


def kill_store_process(world: World, fault: Fault) -> list[int]:
    """Kill the store process; the working process starts another."""
    process = _store_process(world, fault)
    process.kill()
    return [process.pid]


def stop_store_process(world: World, fault: Fault) -> list[int]:
    """Stop the store process: generation goes on, but nothing is written."""
    return _stopped(_store_process(world, fault), fault.seconds)


def ask_to_stop(world: World, fault: Fault) -> list[int]:
    """Send TERM, as a deploy does."""
    child, worker = _child(world, fault), world.crew.worker(fault.worker)
    worker.ask_to_stop()
    return [worker.pid, child.pid]


def vanish(world: World, fault: Fault) -> list[int]:
    """End the worker without telling the servers: PostgreSQL keeps its sessions with their locks.

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
        raise NothingToMeet("the worker had no store process")
    return process


def _child(world: World, fault: Fault) -> psutil.Process:
    child = world.crew.working_process(fault.worker)
    if child is None:
        raise NothingToMeet("the worker had no working process")
    return child
