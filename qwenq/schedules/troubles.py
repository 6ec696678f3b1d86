"""Troubles of schedules, for `qwenq status`."""

from collections.abc import Sequence

from qwenq.health.work import OVERDUE_GRACE_SECONDS
from qwenq.schedules.refused_notices import why_refused
from qwenq.schemas.schedules import NoticeStatus, ScheduleRun
from qwenq.schemas.settings import Settings
from qwenq.schemas.states import RunState
from qwenq.store.database.opening import open_made_store
from qwenq.store.views.monitoring.health_facts import schedule_trouble
from qwenq.store.views.schedules.notices import notices_of
from qwenq.store.views.schedules.runs import last_ended
from qwenq.wording.numbers import counted


def troubles(settings: Settings) -> list[str]:
    """Describe failed last runs, notices that webhooks did not take, and overdue schedules, a sentence each.

    Raises StoreAway.
    """
    with open_made_store(settings) as store, store.reading() as connection:
        last = last_ended(connection)
        notices = notices_of(connection, [run.notice_key for _, run in last])
        trouble = schedule_trouble(connection)
    found = _failed(last) + _refused(last, notices)
    if trouble.overdue and trouble.longest_overdue > OVERDUE_GRACE_SECONDS:
        overdue = counted(trouble.overdue, "overdue schedule")
        found.append(f"{overdue}: no beat runs; start one with `qwenq beat`")
    return found


def _failed(last: Sequence[tuple[str, ScheduleRun]]) -> list[str]:
    return [
        f"schedule {name}: the run due at {run.due_at:%Y-%m-%d %H:%M} UTC failed: {run.error_message}"
        for name, run in last
        if run.state is RunState.FAILED
    ]


def _refused(last: Sequence[tuple[str, ScheduleRun]], notices: Sequence[NoticeStatus]) -> list[str]:
    why = {notice.key: why_refused(notice) for notice in notices}
    return [f"schedule {name}: {reason}" for name, run in last if (reason := why.get(run.notice_key))]
