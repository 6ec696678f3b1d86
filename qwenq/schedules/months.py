"""What the runs of schedules took, month by month in the time zone of each schedule."""

from collections.abc import Iterable

from qwenq.schedules.commands import find_schedule
from qwenq.schedules.cron import CronLine
from qwenq.schemas.schedules import MonthOfRuns, Schedule, ScheduleRun
from qwenq.schemas.settings import Settings
from qwenq.schemas.states import RunState
from qwenq.store.database.opening import open_made_store
from qwenq.store.views.schedules.runs import ended_runs
from qwenq.store.views.schedules.schedules import all_schedules

SECONDS_AN_HOUR = 3_600.0


def months_of(settings: Settings, name: str | None, price: float | None = None) -> list[MonthOfRuns]:
    """The months of one schedule, or of all, removed ones too: newest first, then by name.

    `price` is that of one device for an hour. Raises UnknownSchedule, StoreAway.
    """
    with open_made_store(settings) as store:
        one = None if name is None else find_schedule(store, name, removed=True)
        with store.reading() as connection:
            found = all_schedules(connection, removed=True) if one is None else [one]
            months = [
                month
                for schedule in found
                for month in sum_up(schedule, ended_runs(connection, schedule.id), price)
            ]
    return sorted(
        sorted(months, key=lambda month: month.schedule), key=lambda month: month.month, reverse=True
    )


def sum_up(schedule: Schedule, runs: Iterable[ScheduleRun], price: float | None) -> list[MonthOfRuns]:
    """Sum up runs of a schedule by the months of their due times."""
    line = CronLine(schedule.cron, schedule.timezone)
    months: dict[str, MonthOfRuns] = {}
    for run in runs:
        name = f"{line.local(run.due_at):%Y-%m}"
        before = months.get(name) or MonthOfRuns(month=name, schedule=schedule.name)
        months[name] = _with(before, run)
    return [_priced(month, price) for month in months.values()]


def total_of(months: Iterable[MonthOfRuns], month: str) -> MonthOfRuns:
    """The sum of a month over all schedules."""
    sums = MonthOfRuns(month=month, schedule="all")
    for one in months:
        if one.month == month:
            added = {name: getattr(sums, name) + getattr(one, name) for name in _SUMMED}
            cost = None if one.cost is None else (sums.cost or 0.0) + one.cost
            sums = sums.model_copy(update={**added, "cost": cost})
    return sums


_COUNTS = ("documents", "reused", "failed", "prompt_tokens", "completion_tokens", "device_seconds")
_SUMMED = ("runs", "failed_runs", *_COUNTS)


def _with(month: MonthOfRuns, run: ScheduleRun) -> MonthOfRuns:
    counts = {name: getattr(month, name) + (getattr(run, name) or 0) for name in _COUNTS}
    failed = month.failed_runs + (run.state is RunState.FAILED)
    return month.model_copy(update={**counts, "runs": month.runs + 1, "failed_runs": failed})


def _priced(month: MonthOfRuns, price: float | None) -> MonthOfRuns:
    if price is None:
        return month
    return month.model_copy(update={"cost": month.device_seconds / SECONDS_AN_HOUR * price})
