"""Planning runs: missed and overlapping due times under each policy."""

from datetime import UTC, datetime, timedelta

import pytest

from qwenq.schedules.due import LATE, RUNS_AT_ONCE, plan_runs
from qwenq.schemas.jobs import JobSpec
from qwenq.schemas.schedules import CatchUp, Overlap, RunPolicy, Schedule, ScheduledRequest
from qwenq.schemas.states import ScheduleState

DUE = datetime(2026, 11, 22, 2, tzinfo=UTC)
A_DAY = timedelta(days=1)


def _schedule(cron: str = "0 2 * * *", **policy: object) -> Schedule:
    return Schedule(
        id=1,
        name="nightly",
        state=ScheduleState.ACTIVE,
        cron=cron,
        timezone="UTC",
        request=ScheduledRequest(inputs=("in.jsonl",), spec=JobSpec(model="echo")),
        policy=RunPolicy.model_validate({"output": "out.jsonl", **policy}),
        submitter=None,
        created_at=DUE - A_DAY,
        next_due_at=DUE,
    )


def test_a_due_schedule_gets_a_run_and_its_next_due_time() -> None:
    runs, following = plan_runs(_schedule(), DUE, busy=False)
    assert [(run.due_at, run.skipped) for run in runs] == [(DUE, None)]
    assert following == DUE + A_DAY


@pytest.mark.parametrize("catch_up", CatchUp)
def test_a_slightly_late_due_time_runs_under_each_policy(catch_up: CatchUp) -> None:
    runs, _ = plan_runs(_schedule(catch_up=catch_up), DUE + LATE, busy=False)
    assert [(run.due_at, run.skipped) for run in runs] == [(DUE, None)]


@pytest.mark.parametrize(
    ("catch_up", "ran", "noted"),
    [
        (CatchUp.NONE, [], [DUE + 2 * A_DAY]),
        (CatchUp.LAST, [DUE + 2 * A_DAY], [DUE + A_DAY]),
        (CatchUp.ALL, [DUE, DUE + A_DAY, DUE + 2 * A_DAY], []),
    ],
)
def test_catch_up_chooses_among_missed_times_and_notes_the_others_once(
    catch_up: CatchUp, ran: list[datetime], noted: list[datetime]
) -> None:
    runs, following = plan_runs(_schedule(catch_up=catch_up), DUE + 2.5 * A_DAY, busy=False)
    assert [run.due_at for run in runs if run.skipped is None] == ran
    assert [run.due_at for run in runs if run.skipped is not None] == noted
    assert following == DUE + 3 * A_DAY
    for run in runs:
        assert run.skipped is None or ("due times passed since 2026-11-22 02:00 while" in run.skipped)


@pytest.mark.parametrize(
    ("overlap", "skipped"), [(Overlap.SKIP, True), (Overlap.QUEUE, False), (Overlap.ALLOW, False)]
)
def test_an_overlapping_due_time_is_skipped_only_with_overlap_skip(overlap: Overlap, skipped: bool) -> None:
    [run], _ = plan_runs(_schedule(overlap=overlap), DUE, busy=True)
    assert (run.skipped is not None) is skipped


def test_caught_up_runs_do_not_skip_each_other() -> None:
    runs, _ = plan_runs(_schedule(catch_up=CatchUp.ALL, overlap=Overlap.SKIP), DUE + 2.5 * A_DAY, busy=True)
    assert [run.skipped for run in runs] == [None] * 3


def test_a_year_of_missed_times_is_caught_up_in_portions() -> None:
    schedule = _schedule("*/5 * * * *", catch_up=CatchUp.ALL)
    runs, following = plan_runs(schedule, DUE + 365 * A_DAY, busy=False)
    assert len(runs) == RUNS_AT_ONCE
    assert following == DUE + RUNS_AT_ONCE * timedelta(minutes=5)
