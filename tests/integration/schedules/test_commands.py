"""What a person's commands do to a schedule: pause it, remove it, add it again, run it at once, wait for a run."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from qwenq import api
from qwenq.actions.pruning import prune
from qwenq.schedules import by_hand, commands
from qwenq.schedules.delivering import deliver_run
from qwenq.schemas.errors import RunNotStarted, ScheduleRemoved, UnknownSchedule
from qwenq.schemas.states import RunState, ScheduleState
from qwenq.store.schedules.runs import hold_run
from tests.integration.schedules.conftest import A_DAY, NIGHT, Nights


def test_a_paused_schedule_makes_no_runs(nights: Nights) -> None:
    nights.put("a.jsonl", ["one"])
    nights.add()
    commands.pause("nightly", nights.settings)
    assert nights.tick(NIGHT + A_DAY).due == 0
    resumed = commands.resume("nightly", nights.settings)
    assert resumed.state is ScheduleState.ACTIVE
    assert resumed.next_due_at < NIGHT


def test_a_removed_schedule_makes_no_runs_and_keeps_its_jobs_and_its_history(nights: Nights) -> None:
    nights.put("a.jsonl", ["one"])
    nights.add()
    nights.tick()
    commands.remove("nightly", nights.settings)
    assert nights.tick(NIGHT + A_DAY).due == 0
    assert len(api.jobs(settings=nights.settings)) == 1
    report = commands.show("nightly", nights.settings)
    assert report.schedule.removed_at is not None
    assert (report.runs[0].state, report.runs[0].error_code) == (RunState.FAILED, "schedule_removed")
    assert commands.all_schedules(nights.settings) == []
    with pytest.raises(ScheduleRemoved, match="qwenq schedule add nightly"):
        commands.pause("nightly", nights.settings)


def test_a_schedule_added_again_has_its_history_and_new_jobs(nights: Nights) -> None:
    nights.put("a.jsonl", ["one"])
    nights.add()
    first = nights.night()
    commands.remove("nightly", nights.settings)
    nights.add()
    second = nights.night(NIGHT + A_DAY)
    assert [run.id for run in nights.runs()] == [first.id, second.id]
    assert second.job_id != first.job_id
    assert set(second.notice_keys).isdisjoint(first.notice_keys)


def test_pruning_removes_a_schedule_that_was_removed_long_ago(nights: Nights) -> None:
    nights.put("a.jsonl", ["one"])
    nights.add()
    nights.night()
    commands.remove("nightly", nights.settings)
    prune(nights.settings, 3_600.0, lambda _: None)
    assert len(nights.runs()) == 1
    prune(nights.settings, -1.0, lambda _: None)
    with pytest.raises(UnknownSchedule, match="nightly"):
        commands.show("nightly", nights.settings)


def test_a_run_started_by_a_person_is_submitted_at_once(nights: Nights) -> None:
    nights.put("a.jsonl", ["one"])
    nights.add()
    begun = by_hand.run("nightly", nights.settings)
    assert begun.state is RunState.RUNNING
    nights.answer(begun.job_id)
    assert by_hand.finish("nightly", begun.id, nights.settings).state is RunState.SUCCEEDED
    with pytest.raises(RunNotStarted, match="unfinished"):
        by_hand.run("nightly", nights.settings)
        by_hand.run("nightly", nights.settings)


def test_waiting_for_a_run_waits_while_a_beat_delivers_it(nights: Nights) -> None:
    nights.put("a.jsonl", ["one"])
    nights.add()
    begun = by_hand.run("nightly", nights.settings)
    nights.answer(begun.job_id)
    with nights.store.writing() as connection:
        held = hold_run(connection, 60.0, begun.id)
    assert held is not None
    with ThreadPoolExecutor(1) as waiting:
        finished = waiting.submit(by_hand.finish, "nightly", begun.id, nights.settings)
        with pytest.raises(TimeoutError):
            finished.result(timeout=0.2)
        deliver_run(nights.store, nights.settings, held)
        assert finished.result(timeout=120).output is not None


def test_waiting_for_a_run_of_a_removed_schedule_ends_and_says_how_to_get_the_answers(nights: Nights) -> None:
    nights.put("a.jsonl", ["one"])
    nights.add()
    begun = by_hand.run("nightly", nights.settings)
    commands.remove("nightly", nights.settings)
    finished = by_hand.finish("nightly", begun.id, nights.settings)
    assert f"`qwenq schedule deliver {begun.id}`" in (finished.error_message or "")
    nights.answer(begun.job_id)
    delivered = by_hand.deliver(begun.id, nights.settings)
    assert (delivered.state, Path(delivered.output or "").exists()) == (RunState.SUCCEEDED, True)
