"""What a person's commands do to a schedule: pause it, remove it, add it again, run it at once, wait for a run."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from qwenq import api
from qwenq.schedules import commands
from qwenq.schedules.delivering import deliver_run
from qwenq.schemas.errors import RunNotStarted, UnknownSchedule
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


def test_removing_a_schedule_keeps_its_jobs(nights: Nights) -> None:
    nights.put("a.jsonl", ["one"])
    nights.add()
    nights.tick()
    commands.remove("nightly", nights.settings)
    assert nights.tick(NIGHT + A_DAY).due == 0
    assert len(api.jobs(settings=nights.settings)) == 1
    with pytest.raises(UnknownSchedule, match="nightly"):
        commands.show("nightly", nights.settings)


def test_a_schedule_added_again_submits_a_new_job_for_the_same_due_time(
    nights: Nights,
) -> None:
    nights.put("a.jsonl", ["one"])
    nights.add()
    first = nights.night()
    commands.remove("nightly", nights.settings)
    nights.add()
    second = nights.night()
    assert second.due_at == first.due_at
    assert second.job_id != first.job_id
    assert second.notice_key != first.notice_key


def test_a_run_started_by_a_person_is_submitted_at_once(nights: Nights) -> None:
    nights.put("a.jsonl", ["one"])
    nights.add()
    begun = commands.run("nightly", nights.settings)
    assert begun.state is RunState.RUNNING
    nights.answer(begun.job_id)
    assert commands.finish("nightly", begun.id, nights.settings).state is RunState.SUCCEEDED
    with pytest.raises(RunNotStarted, match="unfinished"):
        commands.run("nightly", nights.settings)
        commands.run("nightly", nights.settings)


def test_waiting_for_a_run_waits_while_a_beat_delivers_it(nights: Nights) -> None:
    nights.put("a.jsonl", ["one"])
    nights.add()
    begun = commands.run("nightly", nights.settings)
    nights.answer(begun.job_id)
    with nights.store.writing() as connection:
        held = hold_run(connection, 60.0, begun.id)
    assert held is not None
    with ThreadPoolExecutor(1) as waiting:
        finished = waiting.submit(commands.finish, "nightly", begun.id, nights.settings)
        with pytest.raises(TimeoutError):
            finished.result(timeout=0.2)
        deliver_run(nights.store, nights.settings, held)
        assert finished.result(timeout=120).output is not None


def test_waiting_for_a_run_of_a_removed_schedule_says_that_it_is_gone(nights: Nights) -> None:
    nights.put("a.jsonl", ["one"])
    nights.add()
    begun = commands.run("nightly", nights.settings)
    commands.remove("nightly", nights.settings)
    with pytest.raises(UnknownSchedule, match="nightly"):
        commands.finish("nightly", begun.id, nights.settings)
