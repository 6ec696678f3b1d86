"""The life of a run: due, submitted once, delivered, recorded, with all that can go wrong."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import update

from qwenq import api
from qwenq.schedules import commands, job_of_run
from qwenq.schedules.changes import changes_section
from qwenq.schedules.troubles import troubles
from qwenq.schemas.errors import StoreAway
from qwenq.schemas.states import RunState
from qwenq.schemas.tables.core import workers
from qwenq.schemas.tables.schedules import schedule_runs, schedules
from qwenq.store.database.clock import moment_of, now
from qwenq.store.life.cancelling import cancel_job
from qwenq.store.schedules.runs import hold_run
from qwenq.wording.numbers import percent
from tests.buckets import buckets
from tests.builders import answer, chunks_of, claim_one, failure, finish
from tests.integration.schedules.conftest import A_DAY, NIGHT, Nights


@pytest.fixture
def no_bucket() -> Iterator[None]:
    """An object store without the bucket."""
    with buckets():
        yield


def test_a_run_is_submitted_when_due_and_delivered(nights: Nights) -> None:
    nights.put("a.jsonl", ["one", "two"])
    nights.add()
    assert nights.tick(NIGHT - A_DAY).due == 0
    run = nights.night()
    assert (run.state, run.documents, run.failed, run.output) == (
        RunState.SUCCEEDED, 2, 0, str(nights.folder / "nightly-2030-11-22.jsonl"),
    )  # fmt: skip
    lines = [json.loads(line) for line in Path(run.output or "").read_text().splitlines()]
    assert [line["custom_id"] for line in lines] == ["a.jsonl-0", "a.jsonl-1"]
    assert commands.show("nightly", nights.settings).schedule.next_due_at == NIGHT + A_DAY


def test_repeated_ticks_submit_a_run_once(nights: Nights) -> None:
    nights.put("a.jsonl", ["one"])
    nights.add()
    for _ in range(3):
        nights.tick()
    assert [run.state for run in nights.runs()] == [RunState.RUNNING]
    assert len(api.jobs(settings=nights.settings)) == 1


def test_each_run_reads_its_input_anew(nights: Nights) -> None:
    nights.put("a.jsonl", ["one"])
    nights.add()
    first = nights.night()
    nights.put("b.jsonl", ["two", "three"])
    second = nights.night(NIGHT + A_DAY)
    assert (first.documents, second.documents) == (1, 3)


def test_a_run_without_input_fails_and_the_next_run_succeeds(nights: Nights) -> None:
    nights.add()
    nights.tick()
    [run] = nights.runs()
    assert run.state is RunState.FAILED
    assert str(nights.inbox) in (run.error_message or "")
    nights.put("a.jsonl", ["one"])
    assert nights.night(NIGHT + A_DAY).state is RunState.SUCCEEDED


def test_troubles_name_schedules_whose_last_run_failed(nights: Nights) -> None:
    nights.add()
    nights.tick()
    [trouble] = troubles(nights.settings)
    assert trouble.startswith("schedule nightly: the run due at 2030-11-22 02:00 (UTC) failed: ")
    nights.put("a.jsonl", ["one"])
    nights.night(NIGHT + A_DAY)
    assert troubles(nights.settings) == []


def test_troubles_say_that_no_beat_runs(nights: Nights) -> None:
    nights.put("a.jsonl", ["one"])
    nights.add()
    assert troubles(nights.settings) == []
    with nights.store.reading() as connection:
        long_ago = moment_of(connection) - A_DAY
    nights.due_from("nightly", long_ago)
    assert troubles(nights.settings) == ["1 overdue schedule: no beat runs; start one with `qwenq beat`"]


def test_a_failing_schedule_does_not_stop_another(nights: Nights, tmp_path: Path) -> None:
    nights.put("a.jsonl", ["one"])
    nights.add("broken")
    nights.add("sound")
    with nights.store.writing() as connection:
        nowhere = commands.show("broken", nights.settings).schedule.request.model_dump(mode="json")
        nowhere["inputs"] = [str(tmp_path / "nowhere" / "*.jsonl")]
        connection.execute(update(schedules).where(schedules.c.name == "broken").values(request=nowhere))
    nights.tick()
    assert [run.state for run in nights.runs("broken")] == [RunState.FAILED]
    assert [run.state for run in nights.runs("sound")] == [RunState.RUNNING]


@pytest.mark.parametrize("stored", [True, False], ids=["job stored", "nothing stored"])
def test_a_run_is_submitted_once_although_its_process_died_meanwhile(
    nights: Nights, monkeypatch: pytest.MonkeyPatch, stored: bool
) -> None:
    nights.put("a.jsonl", ["one"])
    nights.add()

    def die(*_: object, **__: object) -> None:
        raise StoreAway(url="the store", reason="the process died here")

    with monkeypatch.context() as dying:
        dying.setattr(job_of_run, "note_job" if stored else "enqueue_job", die)
        with pytest.raises(StoreAway):
            nights.tick()
    # Its input has changed by now; a stored job counts.
    nights.put("b.jsonl", ["two"])
    assert nights.tick().steps == 0
    with nights.store.writing() as connection:
        connection.execute(update(schedule_runs).values(holder_expires_at=now(-1)))
    assert nights.tick().steps == 1
    [job] = api.jobs(settings=nights.settings)
    assert job.documents.total == (1 if stored else 2)
    assert nights.runs()[0].job_id == job.id


def test_a_run_is_held_by_one_process_at_a_time(nights: Nights) -> None:
    nights.put("a.jsonl", ["one"])
    nights.add()
    run_id = _due_run(nights)
    with nights.store.writing() as connection:
        assert hold_run(connection, 60.0, run_id) is not None
    with nights.store.writing() as connection:
        assert hold_run(connection, 60.0, run_id) is None


def _due_run(nights: Nights) -> int:
    from qwenq.schedules.due import make_due_runs

    assert make_due_runs(nights.store, NIGHT) == 1
    return nights.runs()[0].id


def test_queued_runs_follow_each_other(nights: Nights) -> None:
    nights.put("a.jsonl", ["one"])
    nights.add(overlap="queue")
    nights.tick()
    nights.tick(NIGHT + A_DAY)
    first, second = nights.runs()
    assert (first.state, second.state) == (RunState.RUNNING, RunState.DUE)
    nights.answer(first.job_id)
    nights.tick(NIGHT + A_DAY)
    first, second = nights.runs()
    assert (first.state, second.state) == (RunState.SUCCEEDED, RunState.RUNNING)


def test_an_overlapping_run_starts_or_is_skipped_as_the_policy_says(nights: Nights) -> None:
    nights.put("a.jsonl", ["one"])
    nights.add("allowed", overlap="allow")
    nights.add("skipped", overlap="skip")
    nights.tick()
    nights.tick(NIGHT + A_DAY)
    assert [run.state for run in nights.runs("allowed")] == [RunState.RUNNING, RunState.RUNNING]
    assert [run.state for run in nights.runs("skipped")] == [RunState.RUNNING, RunState.SKIPPED]
    assert "--overlap skip" in (nights.runs("skipped")[1].error_message or "")


def test_a_run_with_too_many_failures_fails_and_is_still_delivered(nights: Nights) -> None:
    nights.put("a.jsonl", ["one", "two", "three"])
    nights.add(on_failure_rate=0.3)
    nights.tick()
    [run] = nights.runs()
    [chunk] = chunks_of(nights.store, run.job_id or 0)
    claim = claim_one(nights.store, chunk, nights.worker)
    finish(nights.store, claim, [answer(0), answer(1), failure(2)])
    nights.tick()
    [run] = nights.runs()
    assert (run.state, run.error_code, run.failed) == (RunState.FAILED, "failure_rate", 1)
    assert percent(1 / 3) in (run.error_message or "")
    assert len(Path(run.output or "").read_text().splitlines()) == 2
    assert Path(nights.folder / "nightly-2030-11-22.errors.jsonl").exists()


def test_a_cancelled_job_fails_its_run(nights: Nights) -> None:
    nights.put("a.jsonl", ["one"])
    nights.add()
    nights.tick()
    with nights.store.writing() as connection:
        cancel_job(connection, nights.runs()[0].job_id or 0)
    nights.tick()
    assert (nights.runs()[0].state, nights.runs()[0].error_code) == (RunState.FAILED, "job_cancelled")


def test_an_unwritable_output_fails_the_run_and_says_how_to_get_the_answers(
    nights: Nights,
) -> None:
    nights.put("a.jsonl", ["one"])
    nights.add(output=str(nights.folder / "out" / "{date}.jsonl"))
    nights.tick()
    job_id = nights.runs()[0].job_id
    nights.answer(job_id)
    (nights.folder / "out").rmdir()
    (nights.folder / "out").write_text("a file, where the folder was")
    nights.tick()
    [run] = nights.runs()
    assert (run.state, run.error_code) == (RunState.FAILED, "output_not_writable")
    assert f"`qwenq results {job_id} -o FILE`" in (run.error_message or "")


def test_the_report_of_a_run_compares_it_with_the_previous_run(nights: Nights) -> None:
    nights.put("a.jsonl", ["one"])
    nights.add()
    nights.night()
    nights.put("b.jsonl", ["two", "three"])
    second = nights.night(NIGHT + A_DAY)
    with nights.store.reading() as connection:
        section = changes_section(connection, second.job_id or 0)
        assert changes_section(connection, 99) is None
    assert section is not None
    assert section.facts["Previous run"] == "2030-11-22 02:00 (UTC), succeeded"
    assert section.facts["Documents"] == "3, before 1 (+2)"
    assert section.facts["Generated"] == "3 of 3 documents"


@pytest.mark.usefixtures("no_bucket")
def test_an_object_store_that_is_away_is_retried_before_the_run_fails(nights: Nights) -> None:
    nights.add()
    with nights.store.writing() as connection:
        away = commands.show("nightly", nights.settings).schedule.request.model_dump(mode="json")
        away["inputs"] = ["s3://away/in.jsonl"]
        connection.execute(update(schedules).values(request=away))
    nights.tick()
    assert [run.state for run in nights.runs()] == [RunState.RUNNING]
    assert nights.tick().steps == 0, "its pause is not over"
    with nights.store.writing() as connection:
        connection.execute(update(schedule_runs).values(holder_expires_at=now(-1), started_at=now(-7_200)))
    assert nights.tick().steps == 1
    [run] = nights.runs()
    assert (run.state, run.error_code, run.crashes) == (RunState.FAILED, "unreadable_input", 0)


def test_a_run_without_a_live_worker_says_so(nights: Nights) -> None:
    nights.put("a.jsonl", ["one"])
    nights.add()
    assert commands.show("nightly", nights.settings).waits is None
    nights.tick()
    with nights.store.writing() as connection:
        connection.execute(update(workers).values(heartbeat_at=now(-3_600)))
    assert "qwenq worker --model echo" in (commands.show("nightly", nights.settings).waits or "")
