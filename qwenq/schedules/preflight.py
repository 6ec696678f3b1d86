"""Checks of a new or edited schedule: what would go wrong with its next run as things are now."""

from datetime import timedelta
from urllib.parse import urlsplit

from qwenq.exporting import KeepColumns
from qwenq.exporting.checked_columns import with_kept_columns
from qwenq.notices.sending import why_unreachable
from qwenq.notices.targets import Kind, Target, host_of
from qwenq.producer.opening import open_input
from qwenq.schedules.cron import CronLine
from qwenq.schedules.job_of_run import access_of, format_of
from qwenq.schedules.outputs import overwrites_each_time, overwrites_within_a_day
from qwenq.schedules.processes.trial import try_in_process
from qwenq.schemas.schedules import RunPolicy, Schedule, ScheduledRequest
from qwenq.schemas.settings import Settings
from qwenq.store.database.store import Store
from qwenq.store.views.fleet.workers import ALIVE_SECONDS, count_alive
from qwenq.wording.workers import command_here, start_a_worker

INPUT_SECONDS = 10.0
"""How long adding a schedule waits for its inputs."""
_A_DAY = timedelta(days=1)


def preflight(store: Store, settings: Settings, schedule: Schedule, line: CronLine) -> list[str]:
    """Check input, output, notices and workers. Returns a warning for each problem. Raises StoreAway."""
    warnings = [
        *_about_input(schedule, settings),
        *_about_output(schedule, line),
        *_about_notices(schedule.policy, settings),
    ]
    with store.reading() as connection:
        if not count_alive(connection, schedule.request.spec.model, ALIVE_SECONDS):
            warnings.append(start_a_worker(schedule.request.spec.model, command_here(settings)))
    return warnings


def _about_input(schedule: Schedule, settings: Settings) -> list[str]:
    trial = try_in_process(
        INPUT_SECONDS, _open_input, schedule.request, schedule.policy.keep_columns, settings
    )
    if trial.lost is not None:
        return [f"its inputs could not be opened: {trial.lost}; try them with `qwenq submit --dry-run`"]
    return [] if trial.error is None else [f"a run would fail now: {trial.error}"]


def _open_input(request: ScheduledRequest, keep: KeepColumns, settings: Settings) -> None:
    spec = request.spec.model_copy(update={"sources": request.inputs}).keeping(keep)
    access = access_of(request, settings)
    _, rows = open_input(spec, format_of(request), sheet=request.sheet, access=access, tables=request.tables)
    with_kept_columns(rows, keep)


def _about_output(schedule: Schedule, line: CronLine) -> list[str]:
    soon = line.after(schedule.next_due_at) - schedule.next_due_at
    if soon < _A_DAY and overwrites_within_a_day(schedule.policy.output):
        return ["several runs of one day would write the same file; add {time} or {run} to --output"]
    if overwrites_each_time(schedule.policy.output):
        return ["each run replaces the answers of the one before; add {date} to --output to keep them"]
    return []


def _about_notices(policy: RunPolicy, settings: Settings) -> list[str]:
    return [warning for url in policy.notify for warning in about_notice(url, settings)]


def about_notice(url: str, settings: Settings) -> list[str]:
    """Warn of what would keep a notice from its place, or show it to others."""
    target, warnings = Target.of(url), []
    is_plain = target.kind is not Kind.MAIL and urlsplit(target.address).scheme == "http"
    if is_plain and settings.webhook_secret is not None and target.kind is Kind.WEBHOOK:
        warnings.append(
            f"notices to {host_of(url)} are signed but not encrypted: others on the way can read them, and the URL; "
            "use https"
        )
    if (reason := why_unreachable(url, settings)) is not None:
        again = "a notice that does not arrive is retried for a day"
        if target.kind is Kind.MAIL:
            warnings.append(f"notices cannot be mailed with this machine's settings: {reason}; {again}")
        else:
            warnings.append(f"the {target.shown} cannot be reached from this machine now: {reason}; {again}")
    return warnings
