"""How schedules and their runs are shown to a person."""

from collections.abc import Sequence
from datetime import datetime

import click

from qwenq.schedules.cron import CronLine
from qwenq.schedules.refused_notices import why_refused
from qwenq.schemas.schedules import Schedule, ScheduleReport, ScheduleRun
from qwenq.schemas.states import RunState, ScheduleState
from qwenq.wording.numbers import UNKNOWN, number, percent, precise_duration
from qwenq.wording.output import say


def next_due(schedule: Schedule) -> str:
    """When a schedule is due next, on the clocks of its time zone."""
    if schedule.state is ScheduleState.PAUSED:
        return f"never while it is paused; `qwenq schedule resume {schedule.name}` lets it go on"
    return f"{_local(schedule, schedule.next_due_at)} ({schedule.timezone})"


def show_schedules(reports: Sequence[ScheduleReport]) -> None:
    """All schedules, a line each, on stdout."""
    if not reports:
        say("there is no schedule yet; `qwenq schedule add` makes one")
        return
    rows = [("schedule", "state", "cron", "next", "last run", "how it went")]
    for report in reports:
        schedule, last = report.schedule, report.runs[0] if report.runs else None
        following = "-" if schedule.state is ScheduleState.PAUSED else _local(schedule, schedule.next_due_at)
        when, how = ("-", "-") if last is None else (_local(schedule, last.due_at), _how(last, report.waits))
        rows.append(
            (schedule.name, schedule.state, f"{schedule.cron} {schedule.timezone}", following, when, how)
        )
    for line in _aligned(rows):
        click.echo(line)


def show_schedule(report: ScheduleReport) -> None:
    """One schedule and its newest runs, on stdout."""
    schedule = report.schedule
    request, policy = schedule.request, schedule.policy
    facts = {
        "schedule": schedule.name,
        "state": schedule.state,
        "due": f"{schedule.cron} in {schedule.timezone}; next {next_due(schedule)}",
        "input": ", ".join(request.inputs),
        "model": request.spec.model,
        "output": policy.output,
        "catch-up": policy.catch_up,
        "overlap": policy.overlap,
        "fails above": "-"
        if policy.on_failure_rate is None
        else f"{percent(policy.on_failure_rate)} failed documents",
        "webhook": policy.webhook or "-",
        "added by": schedule.submitter or "-",
    }
    for name, fact in facts.items():
        click.echo(f"{name:12} {fact}")
    if not report.runs:
        click.echo("no run yet")
        return
    click.echo()
    _show_runs(report)
    if report.waits:
        say(f"the run at work waits: {report.waits}")


def _show_runs(report: ScheduleReport) -> None:
    untold = {notice.key: why_refused(notice) for notice in report.notices}
    rows = [("run", "due", "state", "job", "documents", "reused", "failed", "tokens", "device")]
    told = [""]
    for run in report.runs:
        told.append("; ".join(filter(None, [run.error_message or run.output, untold.get(run.notice_key)])))
        rows.append(
            (
                str(run.id), _local(report.schedule, run.due_at), run.state,
                UNKNOWN if run.job_id is None else str(run.job_id),
                number(run.documents), number(run.reused), number(run.failed), number(run.completion_tokens),
                precise_duration(run.device_seconds),
            )
        )  # fmt: skip
    for line, became_of_it in zip(_aligned(rows), told, strict=True):
        click.echo(line)
        if became_of_it:
            click.echo(f"    {became_of_it}")


def _how(run: ScheduleRun, waits: str | None) -> str:
    if run.error_message:
        return f"{run.state}: {run.error_message}"
    if run.state is RunState.SUCCEEDED:
        return f"succeeded: {run.documents:,} documents, {run.reused:,} reused, {run.failed:,} failed"
    if run.job_id is None:
        return run.state
    return f"{run.state}: job {run.job_id}" + ("" if waits is None else f"; {waits}")


def _aligned(rows: Sequence[tuple[str, ...]]) -> list[str]:
    """Rows as lines, their columns one below the other; the last may be of any length."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]


def _local(schedule: Schedule, moment: datetime) -> str:
    return f"{CronLine(schedule.cron, schedule.timezone).local(moment):%Y-%m-%d %H:%M}"
