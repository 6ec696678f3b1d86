"""What schedules took, month by month."""

from datetime import UTC, datetime

import pytest

from qwenq.schedules.months import sum_up, total_of
from qwenq.schemas.jobs import JobSpec
from qwenq.schemas.schedules import RunPolicy, Schedule, ScheduledRequest, ScheduleRun
from qwenq.schemas.states import RunState, ScheduleState

NEW_YEAR = datetime(2026, 12, 31, 23, 30, tzinfo=UTC)
"""In Warsaw it is January by then."""


def _schedule(timezone: str) -> Schedule:
    return Schedule(
        id=1, name="nightly", state=ScheduleState.ACTIVE, cron="0 2 * * *", timezone=timezone,
        request=ScheduledRequest(inputs=("in.jsonl",), spec=JobSpec(model="echo")),
        policy=RunPolicy(output="out.jsonl"), submitter=None, created_at=NEW_YEAR, next_due_at=NEW_YEAR,
    )  # fmt: skip


def _run(due_at: datetime, state: RunState, documents: int | None, seconds: float | None) -> ScheduleRun:
    return ScheduleRun(
        id=1, schedule_id=1, due_at=due_at, state=state, job_id=None, started_at=None, finished_at=None,
        documents=documents, failed=0, reused=1, prompt_tokens=2, completion_tokens=3, device_seconds=seconds,
        output=None, error_code=None, error_message=None, crashes=0,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("timezone", "months"), [("UTC", ["2026-12"]), ("Europe/Warsaw", ["2027-01", "2026-12"])]
)
def test_runs_are_summed_up_by_the_months_of_the_schedules_zone(timezone: str, months: list[str]) -> None:
    runs = [
        _run(NEW_YEAR, RunState.SUCCEEDED, 10, 1_800.0),
        _run(datetime(2026, 12, 1, 2, tzinfo=UTC), RunState.FAILED, None, None),
    ]
    found = sum_up(_schedule(timezone), runs, price=2.5)
    assert [one.month for one in found] == months
    assert sum(one.runs for one in found) == 2
    assert sum(one.failed_runs for one in found) == 1
    assert sum(one.cost or 0.0 for one in found) == pytest.approx(1.25)
    total = total_of([*found, *found], months[0])
    assert total.documents == 20
    assert total.cost == pytest.approx(2.5)


def test_without_a_price_there_is_no_cost() -> None:
    [month] = sum_up(_schedule("UTC"), [_run(NEW_YEAR, RunState.SUCCEEDED, 10, 1.0)], None)
    assert (month.cost, total_of([month], month.month).cost) == (None, None)
