"""Runs that a person begins, repeats or delivers, whatever the clock says."""

import time

from qwenq.actions.submitters import submitter_of
from qwenq.schedules.commands import find_schedule
from qwenq.schedules.processes.steps import step_here
from qwenq.schemas.errors import RunNotDeliverable, RunNotStarted, UnknownRun, UnknownSchedule
from qwenq.schemas.log.deeds import acting
from qwenq.schemas.schedules import ScheduleRun
from qwenq.schemas.settings import Settings
from qwenq.schemas.states import RunState
from qwenq.store.database.opening import open_made_store
from qwenq.store.database.store import Store
from qwenq.store.schedules.deliveries import ask_for_delivery, reopen_deliveries
from qwenq.store.schedules.runs import begin_run_now, hold_run
from qwenq.store.views.schedules.runs import find_run

POLL_SECONDS = 0.5


def run(name: str, settings: Settings, again: int | None = None) -> ScheduleRun:
    """Start a run now, whatever the clock says. Its job is submitted when this returns.

    With `again`, it repeats this run of the schedule: it reads the inputs as they are now, and its files have the names
    that they had then. Raises UnknownSchedule, UnknownRun, RunNotStarted (there is no input, or an earlier run is
    unfinished), StoreAway.
    """
    with open_made_store(settings) as store:
        schedule = find_schedule(store, name)
        repeats = None if again is None else _run_of(store, schedule.id, name, again)
        # In one transaction, so that no beat can hold the run first.
        with store.writing() as connection:
            run_id = begin_run_now(connection, schedule.id, _who(settings), repeats)
            held = hold_run(connection, settings.lease_seconds, run_id)
        if held is None:
            reason = "an earlier run is unfinished; this run starts after it"
            raise RunNotStarted(name=name, run_id=run_id, reason=reason)
        step_here(settings, held)
        begun = _run(store, name, run_id)
        if begun.job_id is None:
            reason = (begun.error_message or "its process stopped; beat tries again").rstrip(".")
            raise RunNotStarted(name=name, run_id=run_id, reason=reason)
        return begun


def ask_for_run(name: str, settings: Settings, again: int | None = None) -> int:
    """Have beat start such a run as soon as it can. Returns its id. Raises UnknownSchedule, UnknownRun, StoreAway."""
    with open_made_store(settings) as store:
        schedule = find_schedule(store, name)
        repeats = None if again is None else _run_of(store, schedule.id, name, again)
        with store.writing() as connection:
            return begin_run_now(connection, schedule.id, _who(settings), repeats)


def finish(name: str, run_id: int, settings: Settings) -> ScheduleRun:
    """Deliver the answers of a run whose job has ended. Waits while a beat holds the run.

    Raises UnknownSchedule if the run was pruned in the meantime, StoreAway.
    """
    with open_made_store(settings) as store:
        return _finished(store, name, run_id, settings)


def deliver(run_id: int, settings: Settings) -> ScheduleRun:
    """Write the answers of an ended run anew: those that its job has now.

    Raises UnknownRun, RunNotDeliverable (it has no job, or has not ended), StoreAway.
    """
    with open_made_store(settings) as store:
        _ask_for_delivery(store, run_id)
        with store.writing() as connection:
            reopened = reopen_deliveries(connection, run_id)
        name = f"of run {run_id}"
        # If a beat was faster, this waits for its delivery.
        if not reopened and _run(store, name, run_id).state is not RunState.RUNNING:
            reason = "its job runs again; its answers are delivered when that has ended"
            raise RunNotDeliverable(run_id=run_id, reason=reason)
        return _finished(store, name, run_id, settings)


def ask_for_delivery_of(name: str, run_id: int, settings: Settings) -> None:
    """Have beat deliver the answers of an ended run of a schedule.

    Raises UnknownSchedule, UnknownRun, RunNotDeliverable, StoreAway.
    """
    with open_made_store(settings) as store:
        _run_of(store, find_schedule(store, name).id, name, run_id)
        _ask_for_delivery(store, run_id)


def _ask_for_delivery(store: Store, run_id: int) -> None:
    with store.writing() as connection:
        asked = ask_for_delivery(connection, run_id)
    if asked:
        return
    with store.reading() as connection:
        found = find_run(connection, run_id)
    if found is None:
        raise UnknownRun(run_id=run_id, store=store.url)
    if found.job_id is not None:
        reason = "it has not ended; its answers are delivered when its job has ended"
    else:
        reason = "it has no job, or its job was removed"
    raise RunNotDeliverable(run_id=run_id, reason=reason)


def _finished(store: Store, name: str, run_id: int, settings: Settings) -> ScheduleRun:
    while (found := _run(store, name, run_id)).finished_at is None:
        with store.writing() as connection:
            held = hold_run(connection, settings.lease_seconds, run_id)
        if held is None:
            time.sleep(POLL_SECONDS)
            continue
        step_here(settings, held)
    return found


def _who(settings: Settings) -> str:
    return acting() or submitter_of(settings)


def _run(store: Store, name: str, run_id: int) -> ScheduleRun:
    with store.reading() as connection:
        found = find_run(connection, run_id)
    if found is None:
        raise UnknownSchedule(name=name, store=store.url)
    return found


def _run_of(store: Store, schedule_id: int, name: str, run_id: int) -> ScheduleRun:
    with store.reading() as connection:
        found = find_run(connection, run_id)
    if found is None or found.schedule_id != schedule_id:
        raise UnknownRun(run_id=run_id, store=f"schedule {name}")
    return found
