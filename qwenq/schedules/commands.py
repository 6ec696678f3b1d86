"""What a person does with schedules: add, edit, list, show, pause, resume, remove."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from qwenq.actions.request import JobRequest
from qwenq.actions.submitters import submitter_of
from qwenq.notices.targets import shown_url
from qwenq.schedules.checking import checked_schedule
from qwenq.schedules.cron import CronLine
from qwenq.schedules.editing import edited
from qwenq.schedules.preflight import preflight
from qwenq.schemas.errors import ScheduleRemoved, UnknownSchedule
from qwenq.schemas.schedules import RunPolicy, Schedule, ScheduleReport, ScheduleRun
from qwenq.schemas.settings import Settings
from qwenq.schemas.states import RunState, ScheduleState
from qwenq.store.database.clock import moment_of
from qwenq.store.database.opening import open_made_store, open_store
from qwenq.store.database.store import Store
from qwenq.store.schedules import schedules as stored
from qwenq.store.views.fleet.workers import ALIVE_SECONDS, models_alive
from qwenq.store.views.schedules import schedules
from qwenq.store.views.schedules.notices import notices_of
from qwenq.store.views.schedules.runs import last_runs, newest_runs
from qwenq.wording.workers import start_a_worker

SHOWN_RUNS = 20


@dataclass(frozen=True, slots=True)
class Added:
    """A schedule that was added or edited, and warnings about its next run."""

    schedule: Schedule
    warnings: Sequence[str]


def add(name: str, due: tuple[str, str], request: JobRequest, policy: RunPolicy, settings: Settings) -> Added:
    """Store a schedule; `due` is its cron line and time zone. Anything that cannot work is refused.

    A removed schedule of this name comes back, with the history of its runs. Raises UsageError, StoreAway.
    """
    line = CronLine(*due)
    scheduled, policy = checked_schedule(name, request, policy, settings)
    with open_store(settings) as store:
        with store.writing() as connection:
            first = line.after(moment_of(connection))
            stored.insert_schedule(connection, name, (*due, first), scheduled, policy, submitter_of(settings))
        schedule = find_schedule(store, name)
        return Added(shown(schedule), preflight(store, settings, schedule, line))


def edit(name: str, changes: Mapping[str, Any], unset: Collection[str], settings: Settings) -> Added:
    """Change some options of a schedule; the others, and the record of its runs, stay.

    `changes` holds options of `qwenq schedule add` by their names in Python, `unset` those that get their defaults
    again. A run that has begun goes on as it began. Raises UsageError, StoreAway.
    """
    with open_made_store(settings) as store:
        schedule = _edited(store, name, changes, unset, settings)
        line = CronLine(schedule.cron, schedule.timezone)
        return Added(shown(schedule), preflight(store, settings, schedule, line))


def change(name: str, changes: Mapping[str, Any], unset: Collection[str], settings: Settings) -> Schedule:
    """Do the same, and do not look at the inputs: only beat's machine may see them. Raises UsageError, StoreAway."""
    with open_made_store(settings) as store:
        return shown(_edited(store, name, changes, unset, settings))


def _edited(
    store: Store, name: str, changes: Mapping[str, Any], unset: Collection[str], settings: Settings
) -> Schedule:
    before = find_schedule(store, name)
    changed = edited(before, changes, unset, settings)
    with store.writing() as connection:
        if (changed.cron, changed.timezone) != (before.cron, before.timezone):
            following = CronLine(changed.cron, changed.timezone).after(moment_of(connection))
            changed = changed.model_copy(update={"next_due_at": following})
        is_there = stored.edit_schedule(connection, before, changed)
    if not is_there:
        raise ScheduleRemoved(name=name)
    return find_schedule(store, name)


def all_schedules(settings: Settings) -> list[ScheduleReport]:
    """List every schedule with its last run. Raises StoreAway."""
    with open_made_store(settings) as store, store.reading() as connection:
        last = last_runs(connection)
        models = models_alive(connection, ALIVE_SECONDS)
        reports = []
        for one in schedules.all_schedules(connection):
            runs = (last[one.id],) if one.id in last else ()
            reports.append(ScheduleReport(schedule=shown(one), runs=runs, waits=waits(one, runs, models)))
        return reports


def show(name: str, settings: Settings, limit: int = SHOWN_RUNS) -> ScheduleReport:
    """Show a schedule, also a removed one, with its newest runs and notices. Raises UnknownSchedule, StoreAway."""
    with open_made_store(settings) as store:
        schedule = find_schedule(store, name, removed=True)
        with store.reading() as connection:
            runs = newest_runs(connection, schedule.id, limit)
            found = notices_of(connection, [key for run in runs for key in run.notice_keys])
            models = models_alive(connection, ALIVE_SECONDS)
    notices = tuple(one.model_copy(update={"url": shown_url(one.url)}) for one in found)
    waiting = waits(schedule, runs, models)
    return ScheduleReport(schedule=shown(schedule), runs=tuple(runs), notices=notices, waits=waiting)


def pause(name: str, settings: Settings) -> Schedule:
    """Stop making runs; unfinished runs continue. Raises UnknownSchedule, StoreAway."""
    with open_made_store(settings) as store:
        schedule = find_schedule(store, name)
        with store.writing() as connection:
            stored.set_schedule_state(connection, schedule.id, ScheduleState.PAUSED, schedule.next_due_at)
        return shown(find_schedule(store, name))


def resume(name: str, settings: Settings) -> Schedule:
    """Continue with the next due time; due times during the pause get no runs.

    Raises UnknownSchedule, StoreAway.
    """
    with open_made_store(settings) as store:
        schedule = find_schedule(store, name)
        if schedule.state is ScheduleState.PAUSED:
            line = CronLine(schedule.cron, schedule.timezone)
            with store.writing() as connection:
                following = line.after(moment_of(connection))
                stored.set_schedule_state(connection, schedule.id, ScheduleState.ACTIVE, following)
        return shown(find_schedule(store, name))


def remove(name: str, settings: Settings) -> Schedule:
    """Remove a schedule. The record of its runs stays until it is pruned; their jobs stay.

    Raises UnknownSchedule, StoreAway.
    """
    with open_made_store(settings) as store:
        schedule = find_schedule(store, name)
        with store.writing() as connection:
            stored.remove_schedule(connection, schedule.id)
    return shown(schedule)


def find_schedule(store: Store, name: str, *, removed: bool = False) -> Schedule:
    """The schedule of this name; with `removed`, also a removed one. Raises UnknownSchedule, ScheduleRemoved."""
    with store.reading() as connection:
        found = schedules.find_schedule(connection, name)
    if found is None:
        raise UnknownSchedule(name=name, store=store.url)
    if found.removed_at is not None and not removed:
        raise ScheduleRemoved(name=name)
    return found


def shown(schedule: Schedule) -> Schedule:
    """Leave out paths and queries of the URLs for its notices, where many services have their secret."""
    urls = tuple(map(shown_url, schedule.policy.notify))
    return schedule.model_copy(update={"policy": schedule.policy.model_copy(update={"notify": urls})})


def waits(schedule: Schedule, runs: Sequence[ScheduleRun], models: Collection[str]) -> str | None:
    """Say that an unfinished run waits for a worker with its model; None if it does not."""
    unfinished = any(run.state is RunState.RUNNING and run.job_id is not None for run in runs)
    model = schedule.request.spec.model
    return start_a_worker(model) if unfinished and model not in models else None
