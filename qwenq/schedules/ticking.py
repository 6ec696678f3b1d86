"""A tick: makes the runs that are due, advances runs, makes and sends notices."""

from collections.abc import Callable
from datetime import datetime

from pydantic import BaseModel, ConfigDict

from qwenq.notices.ended_jobs import make_job_notices
from qwenq.notices.sending import send_notices
from qwenq.schedules.advancing import advance_run
from qwenq.schedules.cron import local_time
from qwenq.schedules.due import make_due_runs
from qwenq.schedules.processes.steps import RunProcesses
from qwenq.schemas.schedules import HeldRun
from qwenq.schemas.settings import Settings
from qwenq.store.broker.broker import Broker
from qwenq.store.database.clock import moment_of
from qwenq.store.database.opening import open_made_store
from qwenq.store.database.store import Store
from qwenq.store.schedules.deliveries import reopen_deliveries
from qwenq.store.schedules.runs import hold_run
from qwenq.store.views.schedules.runs import failed_since

Advance = Callable[[Store, Broker, Settings], int]
"""Advances runs, as far as they can. Returns the number of steps."""


class TickReport(BaseModel):
    """What a tick did: new runs, steps by which runs advanced, notices that were taken.

    `failures` says why runs failed meanwhile, a sentence each, if that was asked for.
    """

    model_config = ConfigDict(frozen=True)

    due: int
    steps: int
    notices: int
    failures: tuple[str, ...] = ()


def advance_here(store: Store, broker: Broker, settings: Settings) -> int:
    """Advance runs one after the other in this process, until none can advance further."""
    steps = 0
    while (held := _next_run(store, settings)) is not None:
        advance_run(store, broker, settings, held)
        steps += 1
    return steps


def tick(
    store: Store,
    broker: Broker,
    settings: Settings,
    at: datetime | None = None,
    advance: Advance = advance_here,
) -> TickReport:
    """Do everything that is due at a moment, by default the store's present time. Raises StoreAway.

    Any number of ticks may run at once: a run is held by one of them.
    """
    due = make_due_runs(store, at or _present(store))
    with store.writing() as connection:
        reopen_deliveries(connection)
    steps = advance(store, broker, settings)
    make_job_notices(store, settings)
    return TickReport(due=due, steps=steps, notices=send_notices(store, settings))


def tick_once(settings: Settings, at: datetime | None = None) -> TickReport:
    """Run one tick, each run in a process of its own, and wait until all have advanced. Raises StoreAway.

    Its report says which runs failed meanwhile.
    """
    processes = RunProcesses()

    def advance_all(store: Store, broker: Broker, settings: Settings) -> int:
        steps = 0
        while begun := processes.advance(store, broker, settings):
            processes.wait()
            steps += begun
        return steps

    try:
        with open_made_store(settings) as store, Broker(settings) as broker:
            began = _present(store)
            report = tick(store, broker, settings, at, advance_all)
            return report.model_copy(update={"failures": _failures(store, began)})
    finally:
        processes.stop()


def _next_run(store: Store, settings: Settings) -> HeldRun | None:
    with store.writing() as connection:
        return hold_run(connection, settings.lease_seconds)


def _failures(store: Store, began: datetime) -> tuple[str, ...]:
    with store.reading() as connection:
        failed = failed_since(connection, began)
    return tuple(
        f"schedule {schedule.name}: run {run.id}, due {local_time(schedule, run.due_at)}, failed: {run.error_message}"
        for schedule, run in failed
    )


def _present(store: Store) -> datetime:
    with store.reading() as connection:
        return moment_of(connection)
