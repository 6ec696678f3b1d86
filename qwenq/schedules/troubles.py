"""Troubles of schedules, for `qwenq status`."""

from collections.abc import Sequence

from qwenq.health.work import OVERDUE_GRACE_SECONDS
from qwenq.notices.refused import why_refused
from qwenq.schedules.cron import local_time
from qwenq.schemas.schedules import NoticeStatus, Schedule, ScheduleRun
from qwenq.schemas.settings import Settings
from qwenq.schemas.states import RunState
from qwenq.store.database.opening import open_made_store
from qwenq.store.views.monitoring.health_facts import schedule_trouble
from qwenq.store.views.schedules.notices import count_unmade, notices_of, notices_of_job
from qwenq.store.views.schedules.runs import last_ended
from qwenq.wording.numbers import counted


def troubles(settings: Settings) -> list[str]:
    """Describe failed last runs, notices that did not arrive, and what waits for a beat, a sentence each.

    Raises StoreAway.
    """
    with open_made_store(settings) as store, store.reading() as connection:
        last = last_ended(connection)
        notices = notices_of(connection, [key for _, run in last for key in run.notice_keys])
        trouble = schedule_trouble(connection)
        unmade = count_unmade(connection, OVERDUE_GRACE_SECONDS)
    found = _failed(last) + _refused(last, notices)
    if trouble.overdue and trouble.longest_overdue > OVERDUE_GRACE_SECONDS:
        overdue = counted(trouble.overdue, "overdue schedule")
        found.append(f"{overdue}: no beat runs; start one with `qwenq beat`")
    if unmade:
        found.append(
            f"{counted(unmade, 'job')} ended, and nobody was notified: no beat runs; start one with `qwenq beat`"
        )
    return found


def troubles_of_job(settings: Settings, job_id: int) -> list[str]:
    """Describe a job's own notices that did not arrive, a sentence each. Raises StoreAway."""
    with open_made_store(settings) as store, store.reading() as connection:
        found = notices_of_job(connection, job_id)
    return [reason for notice in found if (reason := why_refused(notice, "submit with another --notify"))]


def _failed(last: Sequence[tuple[Schedule, ScheduleRun]]) -> list[str]:
    return [
        f"schedule {schedule.name}: the run due at {local_time(schedule, run.due_at)} ({schedule.timezone}) failed: "
        f"{why_failed(run)}"
        for schedule, run in last
        if run.state is RunState.FAILED
    ]


def why_failed(run: ScheduleRun) -> str | None:
    """A run's message. Its advice on the job is void if the job was removed since."""
    if run.error_message and run.job_id is None and run.documents is not None:
        return f"{run.error_message} (its job was removed since)"
    return run.error_message


def _refused(last: Sequence[tuple[Schedule, ScheduleRun]], notices: Sequence[NoticeStatus]) -> list[str]:
    return [
        f"schedule {schedule.name}: {reason}"
        for schedule, run in last
        for notice in notices
        if notice.key in run.notice_keys and (reason := why_refused(notice))
    ]
