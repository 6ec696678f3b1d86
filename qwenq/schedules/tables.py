"""Tables of schedules and their runs, for the terminal."""

from collections.abc import Sequence

from qwenq.schedules.cron import local_time
from qwenq.schedules.refused_notices import why_refused
from qwenq.schemas.schedules import Schedule, ScheduleReport, ScheduleRun
from qwenq.schemas.states import RunState, ScheduleState
from qwenq.wording.numbers import UNKNOWN, number, percent, precise_duration
from qwenq.wording.output import say, show


def next_due(schedule: Schedule) -> str:
    """Say when a schedule is due next, in its time zone."""
    if schedule.state is ScheduleState.PAUSED:
        return f"never while it is paused; `qwenq schedule resume {schedule.name}` resumes it"
    return f"{local_time(schedule, schedule.next_due_at)} ({schedule.timezone})"


def show_schedules(reports: Sequence[ScheduleReport]) -> None:
    """Print all schedules to stdout, one a line."""
    if not reports:
        say("there is no schedule yet; `qwenq schedule add` adds one")
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
    """Print one schedule and its newest runs to stdout."""
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
        show(f"{name:12} {fact}")
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


def _show_runs(report: ScheduleReport) -> None:
    refused = {notice.key: why_refused(notice) for notice in report.notices}
    rows = [("run", "due", "state", "job", "documents", "reused", "failed", "tokens", "device")]
    remarks = [""]
    for run in report.runs:
        remarks.append(
            "; ".join(filter(None, [run.error_message or run.output, refused.get(run.notice_key)]))
        )
        rows.append(
            (
                str(run.id), local_time(report.schedule, run.due_at), run.state,
                UNKNOWN if run.job_id is None else str(run.job_id),
                number(run.documents), number(run.reused), number(run.failed), number(run.completion_tokens),
                precise_duration(run.device_seconds),
            )
        )  # fmt: skip
    for line, remark in zip(_aligned(rows), remarks, strict=True):
        show(line)
        if remark:
            show(f"    {remark}")


def _result(run: ScheduleRun, waits: str | None) -> str:
    if run.error_message:
        return f"{run.state}: {run.error_message}"
    if run.state is RunState.SUCCEEDED:
        return f"succeeded: {run.documents:,} documents, {run.reused:,} reused, {run.failed:,} failed"
    if run.job_id is None:
        return run.state
    return f"{run.state}: job {run.job_id}" + ("" if waits is None else f"; {waits}")


def _aligned(rows: Sequence[tuple[str, ...]]) -> list[str]:
    """Align rows into lines by column. The last column may have any length."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
