"""What a person does with schedules: add, list, show, pause, resume, remove, run now."""

import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from qwenq.actions import text_fields
from qwenq.actions.request import JobRequest, submitter_of
from qwenq.exporting import FileStyle, check_not_read, check_outputs
from qwenq.producer.object_stores import checked_name, is_url
from qwenq.producer.opening import checked_prompts
from qwenq.producer.reading.sources.access import Access
from qwenq.producer.reading.sources.finding import check_name
from qwenq.schedules.cron import CronLine
from qwenq.schedules.outputs import check_pattern, checked_output, example_outputs, style_of
from qwenq.schedules.preflight import preflight
from qwenq.schedules.processes.steps import step_here
from qwenq.schedules.processes.trial import try_in_process
from qwenq.schedules.refused_notices import shown_url
from qwenq.schedules.webhooks import check_url, secret_of
from qwenq.schemas.errors import InvalidParameter, OutputNotWritable, RunNotStarted, UnknownSchedule
from qwenq.schemas.schedules import RunPolicy, Schedule, ScheduledRequest, ScheduleReport, ScheduleRun
from qwenq.schemas.settings import Settings
from qwenq.schemas.states import RunState, ScheduleState
from qwenq.store.database.clock import moment_of
from qwenq.store.database.opening import open_store
from qwenq.store.database.store import Store
from qwenq.store.schedules import schedules as stored
from qwenq.store.schedules.runs import begin_run_now, hold_run
from qwenq.store.views.fleet.workers import ALIVE_SECONDS, models_alive
from qwenq.store.views.schedules import schedules
from qwenq.store.views.schedules.notices import notices_of
from qwenq.store.views.schedules.runs import find_run, last_runs, newest_runs
from qwenq.wording.workers import start_a_worker

SHOWN_RUNS = 20
POLL_SECONDS = 0.5
PLACES_SECONDS = 10.0
"""How long adding a schedule waits for the places of its inputs and outputs."""


@dataclass(frozen=True, slots=True)
class Added:
    """A schedule that was added, and warnings about its first run."""

    schedule: Schedule
    warnings: Sequence[str]


def add(name: str, due: tuple[str, str], request: JobRequest, policy: RunPolicy, settings: Settings) -> Added:
    """Store a schedule; `due` is its cron line and time zone. Anything that cannot work is refused.

    Raises UsageError, StoreAway.
    """
    line = CronLine(*due)
    policy = _absolute(policy)
    _check(name, request.files, policy, settings)
    spec = request.specify(settings)
    checked_prompts(spec)
    scheduled = ScheduledRequest(
        inputs=tuple(map(_whole, request.files)),
        format=request.format,
        sheet=request.sheet,
        follow_links=request.follow_links,
        tables=request.tables,
        allow_partial=request.allow_partial,
        spec=spec.model_copy(update={"reuse": True, "name": name, "idempotency_key": None}),
    )
    with open_store(settings) as store:
        with store.writing() as connection:
            first = line.after(moment_of(connection))
            stored.insert_schedule(connection, name, (*due, first), scheduled, policy, submitter_of(settings))
        schedule = _find(store, name)
        return Added(_shown(schedule), preflight(store, settings, schedule, line))


def all_schedules(settings: Settings) -> list[ScheduleReport]:
    """List every schedule with its last run. Raises StoreAway."""
    with open_store(settings) as store, store.reading() as connection:
        last = last_runs(connection)
        models = models_alive(connection, ALIVE_SECONDS)
        reports = []
        for one in schedules.all_schedules(connection):
            runs = (last[one.id],) if one.id in last else ()
            reports.append(ScheduleReport(schedule=_shown(one), runs=runs, waits=_waits(one, runs, models)))
        return reports


def show(name: str, settings: Settings) -> ScheduleReport:
    """Show a schedule with its newest runs and their notices. Raises UnknownSchedule, StoreAway."""
    with open_store(settings) as store:
        schedule = _find(store, name)
        with store.reading() as connection:
            runs = newest_runs(connection, schedule.id, SHOWN_RUNS)
            found = notices_of(connection, [run.notice_key for run in runs])
            models = models_alive(connection, ALIVE_SECONDS)
        waits = _waits(schedule, runs, models)
    notices = tuple(one.model_copy(update={"url": shown_url(one.url)}) for one in found)
    return ScheduleReport(schedule=_shown(schedule), runs=tuple(runs), notices=notices, waits=waits)


def pause(name: str, settings: Settings) -> Schedule:
    """Stop making runs; unfinished runs continue. Raises UnknownSchedule, StoreAway."""
    with open_store(settings) as store:
        schedule = _find(store, name)
        with store.writing() as connection:
            stored.set_schedule_state(connection, schedule.id, ScheduleState.PAUSED, schedule.next_due_at)
        return _shown(_find(store, name))


def resume(name: str, settings: Settings) -> Schedule:
    """Continue with the next due time; due times during the pause get no runs.

    Raises UnknownSchedule, StoreAway.
    """
    with open_store(settings) as store:
        schedule = _find(store, name)
        if schedule.state is ScheduleState.PAUSED:
            line = CronLine(schedule.cron, schedule.timezone)
            with store.writing() as connection:
                following = line.after(moment_of(connection))
                stored.set_schedule_state(connection, schedule.id, ScheduleState.ACTIVE, following)
        return _shown(_find(store, name))


def remove(name: str, settings: Settings) -> Schedule:
    """Remove a schedule and its runs; their jobs stay. Raises UnknownSchedule, StoreAway."""
    with open_store(settings) as store:
        schedule = _find(store, name)
        with store.writing() as connection:
            stored.remove_schedule(connection, schedule.id)
    return _shown(schedule)


def run(name: str, settings: Settings) -> ScheduleRun:
    """Start a run now, whatever the clock says. Its job is submitted when this returns.

    Raises UnknownSchedule, RunNotStarted (there is no input, or an earlier run is unfinished), StoreAway.
    """
    with open_store(settings) as store:
        schedule = _find(store, name)
        # In one transaction, so that no beat can hold the run first.
        with store.writing() as connection:
            run_id = begin_run_now(connection, schedule.id)
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


def finish(name: str, run_id: int, settings: Settings) -> ScheduleRun:
    """Deliver the answers of a run whose job has ended. Waits while a beat holds the run.

    Raises UnknownSchedule if the schedule was removed in the meantime, StoreAway.
    """
    with open_store(settings) as store:
        while (found := _run(store, name, run_id)).finished_at is None:
            with store.writing() as connection:
                held = hold_run(connection, settings.lease_seconds, run_id)
            if held is None:
                time.sleep(POLL_SECONDS)
                continue
            step_here(settings, held)
        return found


def _check(name: str, inputs: Sequence[str], policy: RunPolicy, settings: Settings) -> None:
    if not name.strip(" .") or "/" in name or not name.isprintable():
        reason = "it must be printable and without a slash, because files are named after it"
        raise InvalidParameter(name="the schedule's name", reason=reason)
    texts = {"the schedule's name": name, "--output": policy.output, "--errors": policy.errors}
    for parameter, value in (
        *texts.items(),
        ("--webhook", policy.webhook),
        *(("--input", one) for one in inputs),
    ):
        text_fields.check_name(parameter, value)
    check_pattern("--output", policy.output)
    if policy.errors is not None:
        check_pattern("--errors", policy.errors)
    outputs = example_outputs(name, policy)
    trial = try_in_process(PLACES_SECONDS, _check_places, list(inputs), outputs, style_of(policy), settings)
    if trial.lost is not None:
        raise OutputNotWritable(path=outputs[0], reason=trial.lost)
    if trial.error is not None:
        raise trial.error
    if policy.webhook is not None:
        check_url("--webhook", policy.webhook)
        secret_of(settings)


def _check_places(
    inputs: Sequence[str], outputs: Sequence[str], style: FileStyle, settings: Settings
) -> None:
    """Check that inputs and outputs may be used, and that outputs can be written. Raises UsageError."""
    for one in inputs:
        check_name(one, Access(roots=settings.input_roots))
    for output in outputs:
        checked_output(output, settings)
    whole = [_whole(one) for one in inputs]
    check_not_read(outputs, whole)
    check_outputs(outputs, whole, style, outputs[0])


def _shown(schedule: Schedule) -> Schedule:
    """Leave out the path and the query of the schedule's webhook, where many services have their secret."""
    if schedule.policy.webhook is None:
        return schedule
    policy = schedule.policy.model_copy(update={"webhook": shown_url(schedule.policy.webhook)})
    return schedule.model_copy(update={"policy": policy})


def _waits(schedule: Schedule, runs: Sequence[ScheduleRun], models: Collection[str]) -> str | None:
    """Say that an unfinished run waits for a worker with its model; None if it does not."""
    unfinished = any(run.state is RunState.RUNNING and run.job_id is not None for run in runs)
    model = schedule.request.spec.model
    return start_a_worker(model) if unfinished and model not in models else None


def _absolute(policy: RunPolicy) -> RunPolicy:
    """Make paths absolute, because beat may run in another folder."""
    errors = None if policy.errors is None else _whole(policy.errors)
    return policy.model_copy(update={"output": _whole(policy.output), "errors": errors})


def _whole(name: str) -> str:
    name = checked_name(name)
    return name if is_url(name) else str(Path(name).absolute())


def _find(store: Store, name: str) -> Schedule:
    with store.reading() as connection:
        found = schedules.find_schedule(connection, name)
    if found is None:
        raise UnknownSchedule(name=name, store=store.url)
    return found


def _run(store: Store, name: str, run_id: int) -> ScheduleRun:
    with store.reading() as connection:
        found = find_run(connection, run_id)
    if found is None:
        raise UnknownSchedule(name=name, store=store.url)
    return found
