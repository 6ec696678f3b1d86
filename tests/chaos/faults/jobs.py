"""Faults of jobs: half submitted, cancelled, paused or retried while they run, deadly or hanging documents."""

import time
from contextlib import suppress
from typing import Any

from sqlalchemy import Select, func, select

from qwenq.schemas.errors import JobNotCancellable, JobNotPaused, StoreAway
from qwenq.schemas.states import JobState
from qwenq.schemas.tables.core import chunks, jobs
from qwenq.store.life.cancelling import cancel_job
from qwenq.store.life.pausing import pause_job, resume_job
from qwenq.store.life.retrying import retry_failed
from tests.chaos.plan import Fault, NothingToMeet
from tests.chaos.world.orders import Order
from tests.chaos.world.world import World
from tests.waiting import eventually


def kill_producer(world: World, fault: Fault) -> list[int]:
    """Kill a producer half way through its input."""
    if world.producers.submit_and_kill(world.orders.wide()).exit_code >= 0:
        raise NothingToMeet("the producer had ended by itself")
    return []


def poison(world: World, fault: Fault) -> list[int]:
    """Submit a job with a document that kills the process that generates it."""
    return _submit(world, world.orders.deadly())


def hang(world: World, fault: Fault) -> list[int]:
    """Submit a job with a document whose generation never ends."""
    return _submit(world, world.orders.hanging())


def cancel(world: World, fault: Fault) -> list[int]:
    """Cancel the newest running job."""
    with world.store.writing() as connection:
        try:
            cancel_job(connection, _newest_running(world))
        except JobNotCancellable:
            raise NothingToMeet("the job had just ended") from None
    return []


def pause(world: World, fault: Fault) -> list[int]:
    """Pause the newest running job, and resume it without announcing its chunks: a reconciler has to."""
    job_id = _newest_running(world)
    with world.store.writing() as connection:
        pause_job(connection, job_id)
    time.sleep(fault.seconds)
    eventually(lambda: _is_resumed(world, job_id), "the job is resumed")
    return []


def retry(world: World, fault: Fault) -> list[int]:
    """Retry the ended job with most failures, without announcing its chunks: a reconciler has to."""
    with world.store.writing() as connection:
        retry_failed(connection, _most_failed(world))
    return []


def _is_resumed(world: World, job_id: int) -> bool:
    with suppress(StoreAway), world.store.writing() as connection:
        with suppress(JobNotPaused):  # cancelled meanwhile
            resume_job(connection, job_id)
        return True
    return False


def _submit(world: World, order: Order) -> list[int]:
    if world.producers.submit(order).exit_code:
        raise NothingToMeet("the submit failed")
    return []


def _newest_running(world: World) -> int:
    running = select(jobs.c.id).where(jobs.c.state == JobState.RUNNING).order_by(jobs.c.id.desc())
    return _first(world, running, "no job was running")


def _most_failed(world: World) -> int:
    failed = func.sum(chunks.c.failed)
    ended = (
        select(jobs.c.id)
        .join(chunks, chunks.c.job_id == jobs.c.id)
        .where(jobs.c.state.in_((JobState.COMPLETED, JobState.FAILED)))
        .group_by(jobs.c.id)
        .having(failed > 0)
        .order_by(failed.desc())
    )
    return _first(world, ended, "no job had ended with failures")


def _first(world: World, wanted: Select[Any], otherwise: str) -> int:
    with world.store.reading() as connection:
        found: int | None = connection.execute(wanted.limit(1)).scalar_one_or_none()
    if found is None:
        raise NothingToMeet(otherwise)
    return found
