"""Tables of schedules and their runs, for the terminal."""

from collections.abc import Mapping, Sequence
from typing import Any

from qwenq.notices.refused import why_refused
from qwenq.schedules.cron import local_time
from qwenq.schedules.editing import options_of
from qwenq.schedules.months import total_of
from qwenq.schedules.troubles import why_failed
from qwenq.schemas.response_format import ResponseFormat
from qwenq.schemas.schedules import MonthOfRuns, Schedule, ScheduleReport, ScheduleRun
from qwenq.schemas.states import RunState, ScheduleState
from qwenq.wording.numbers import UNKNOWN, counted, duration, number, percent, precise_duration
from qwenq.wording.output import say, show

SHORT_REMARK = 90
"""Characters of the reasons of older failures: twenty whole ones are a wall."""


def next_due(schedule: Schedule) -> str:
    """Say when a schedule that was not removed is due next, in its time zone."""
    if schedule.state is ScheduleState.PAUSED:
        return f"never while it is paused; `qwenq schedule resume {schedule.name}` resumes it"
    return f"{local_time(schedule, schedule.next_due_at)} ({schedule.timezone})"


def show_schedules(reports: Sequence[ScheduleReport], store: str) -> None:
    """Print all schedules of a store to stdout, one a line."""
    if not reports:
        say(f"there is no schedule in {store} yet; `qwenq schedule add` adds one")
        return
    rows = [("schedule", "state", "cron", "next", "last run", "result")]
    for report in reports:
        schedule, last = report.schedule, report.runs[0] if report.runs else None
        following = (
            "-" if schedule.state is ScheduleState.PAUSED else local_time(schedule, schedule.next_due_at)
        )
        when, how = (
            ("-", "-") if last is None else (local_time(schedule, last.due_at), _result(last, report.waits))
        )
        rows.append(
            (schedule.name, schedule.state, f"{schedule.cron} {schedule.timezone}", following, when, how)
        )
    for line in _aligned(rows):
        show(line)


def show_schedule(report: ScheduleReport) -> None:
    """Print one schedule with all that it submits, and its newest runs, to stdout."""
    schedule = report.schedule
    facts = {"schedule": schedule.name, "state": schedule.state, **facts_of(schedule)}
    if schedule.removed_at is not None:
        facts["state"] = f"removed on {local_time(schedule, schedule.removed_at)}"
    width = max(map(len, facts))
    for name, fact in facts.items():
        lines = fact.splitlines() or [""]
        show(f"{name:{width}}  {lines[0]}")
        for line in lines[1:]:
            show(f"{'':{width}}  {line}")
    if not report.runs:
        show("no run yet")
        return
    show("")
    _show_runs(report)
    read = next((run for run in report.runs if run.job_id is not None), None)
    if read is not None and read.notes is not None:
        show("")
        show(f"found out about the inputs of run {read.id}:")
        for note in read.notes.splitlines():
            show(f"    {note}")
    if report.waits:
        say(f"a run is waiting: {report.waits}")


def facts_of(schedule: Schedule) -> dict[str, str]:
    """When a schedule is due, and every option that has another value than its default, in words."""
    options = options_of(schedule)
    due = f"{options.pop('cron')} in {options.pop('tz')}"
    if schedule.removed_at is None:
        due += f"; next {next_due(schedule)}"
    facts = {"due": due}
    if (named := schedule.request.spec.prompt.named) is not None:
        facts["template"] = named
    for name, value in options.items():
        facts[_LABELS.get(name, name.replace("_", "-"))] = _in_words(name, value)
    return {**facts, "added by": schedule.submitter or UNKNOWN}


_LABELS = {
    "inputs": "input",
    "format_": "format",
    "on_failure_rate": "fails above",
    "response_format": "answers",
    "values": "var",
}


def _in_words(name: str, value: Any) -> str:
    if name == "on_failure_rate":
        return f"{percent(value)} failed documents"
    if isinstance(value, ResponseFormat):
        return value.type if value.json_schema is None else f"by the JSON schema {value.json_schema}"
    if isinstance(value, Mapping):
        return "\n".join(f"{one}={text}" for one, text in value.items())
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _show_runs(report: ScheduleReport) -> None:
    rows = [("run", "due", "begun by", "state", "job", "documents", "reused", "failed", "tokens", "device")]
    remarks = ["", *_remarks(report)]
    rows += [
        (
            str(run.id), local_time(report.schedule, run.due_at), run.begun_by or "the clock", run.state,
            UNKNOWN if run.job_id is None else str(run.job_id),
            number(run.documents), number(run.reused), number(run.failed), number(run.completion_tokens),
            precise_duration(run.device_seconds),
        )
        for run in report.runs
    ]  # fmt: skip
    for line, remark in zip(_aligned(rows), remarks, strict=True):
        show(line)
        if remark:
            show(f"    {remark}")


def _remarks(report: ScheduleReport) -> list[str]:
    """A remark on each run. The newest failure has all its words, older ones their beginning."""
    remarks, is_newest = [], True
    for run in report.runs:
        said = [why_failed(run) or run.output or ""]
        if run.error_message and not is_newest:
            said = [said[0] if len(said[0]) <= SHORT_REMARK else f"{said[0][:SHORT_REMARK]}…"]
        is_newest = is_newest and not run.error_message
        if run.repeats_due_at is not None:
            said.insert(0, f"repeats the run due at {local_time(report.schedule, run.repeats_due_at)}")
        said += [why_refused(one) or "" for one in report.notices if one.key in run.notice_keys]
        remarks.append("; ".join(filter(None, said)))
    return remarks


def show_months(months: Sequence[MonthOfRuns], currency: str) -> None:
    """Print what schedules took in each month, and the sum of all where there are several."""
    if not months:
        say("no run has ended yet")
        return
    is_priced = months[0].cost is not None
    heads = ("month", "schedule", "runs", "failed", "documents", "reused", "tokens", "device")
    rows: list[tuple[str, ...]] = [(*heads, "cost") if is_priced else heads]
    for month in dict.fromkeys(one.month for one in months):
        of_month = [one for one in months if one.month == month]
        rows += [_month_row(one, currency) for one in of_month]
        if len(of_month) > 1:
            rows.append(_month_row(total_of(of_month, month), currency))
    for line in _aligned(rows):
        show(line)


def _month_row(month: MonthOfRuns, currency: str) -> tuple[str, ...]:
    cost = () if month.cost is None else (f"{month.cost:,.2f} {currency}",)
    return (
        month.month, month.schedule, number(month.runs), number(month.failed_runs), number(month.documents),
        number(month.reused), number(month.prompt_tokens + month.completion_tokens), duration(month.device_seconds),
        *cost,
    )  # fmt: skip


def _result(run: ScheduleRun, waits: str | None) -> str:
    if run.error_message:
        return f"{run.state}: {run.error_message}"
    if run.state is RunState.SUCCEEDED:
        done = UNKNOWN if run.documents is None else counted(run.documents, "document")
        return f"succeeded: {done}, {number(run.reused)} reused, {number(run.failed)} failed"
    if run.job_id is None:
        return run.state
    return f"{run.state}: job {run.job_id}" + ("" if waits is None else f"; {waits}")


def _aligned(rows: Sequence[tuple[str, ...]]) -> list[str]:
    """Align rows into lines by column. The last column may have any length."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
