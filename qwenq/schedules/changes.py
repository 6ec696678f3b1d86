"""The section of a report that compares a run with the previous run of its schedule."""

from sqlalchemy import Connection

from qwenq.report.facts import Section
from qwenq.schedules.cron import local_time
from qwenq.schemas.jobs import JobStatus
from qwenq.schemas.schedules import Schedule, ScheduleRun
from qwenq.store.views.jobs.statuses import job_status
from qwenq.store.views.schedules.runs import run_before, run_of_job
from qwenq.wording.numbers import counted, number

_NOTE = (
    "A run generates only documents that are new, changed or failed before; the others keep their answers."
)


def changes_section(connection: Connection, job_id: int) -> Section | None:
    """Compare the job's run with the previous run. None if no schedule submitted the job."""
    found = run_of_job(connection, job_id)
    status = job_status(connection, job_id)
    if found is None or status is None:
        return None
    schedule, run = found
    return Section(
        title=f"Schedule {schedule.name}",
        facts=_facts(schedule, run, status, run_before(connection, run)),
        note=_NOTE,
    )


def _facts(
    schedule: Schedule, run: ScheduleRun, status: JobStatus, before: ScheduleRun | None
) -> dict[str, str]:
    counts = status.documents
    facts = {
        "Due": _due(schedule, run),
        "State": run.state if run.error_message is None else f"{run.state}: {run.error_message}",
        "Generated": f"{number(counts.succeeded - counts.reused)} of {counted(counts.total, 'document')}",
        "Reused": counted(counts.reused, "document"),
    }
    if before is None:
        return {**facts, "Previous run": "none was delivered"}
    return {
        **facts,
        "Previous run": f"{_due(schedule, before)}, {before.state}",
        "Documents": _change(counts.total, before.documents),
        "Failed": _change(counts.failed, before.failed),
        "Answer tokens": _change(status.usage.completion_tokens, before.completion_tokens),
    }


def _change(now: int, before: int | None) -> str:
    return f"{now:,}, before {before or 0:,} ({now - (before or 0):+,})"


def _due(schedule: Schedule, run: ScheduleRun) -> str:
    return f"{local_time(schedule, run.due_at)} ({schedule.timezone})"
