"""Answers delivered again: after a failure, after a retry, when a person asks. The next nights are not held up."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from sqlalchemy import select, update

from qwenq.schedules import by_hand, commands
from qwenq.schedules.delivering import DELIVERY_PAUSES
from qwenq.schemas.errors import RunNotDeliverable, UnknownRun
from qwenq.schemas.schedules import ScheduleRun
from qwenq.schemas.states import RunState
from qwenq.schemas.tables.schedules import notices, schedule_runs
from qwenq.store.database.clock import now
from qwenq.store.life.retrying import retry_failed
from qwenq.store.schedules.runs import hold_run
from tests.builders import answer, chunks_of, claim_one, failure, finish
from tests.integration.schedules.conftest import A_DAY, NIGHT, Nights


def _one_failed(nights: Nights) -> ScheduleRun:
    """A run with an answer and a failure, delivered."""
    nights.put("a.jsonl", ["one", "two"])
    nights.add()
    nights.tick()
    [run] = nights.runs()
    [chunk] = chunks_of(nights.store, run.job_id or 0)
    finish(nights.store, claim_one(nights.store, chunk, nights.worker), [answer(0), failure(1)])
    nights.tick()
    [run] = nights.runs()
    return run


def _lines(run: ScheduleRun) -> int:
    return len(Path(run.output or "").read_text().splitlines())


def _retry(nights: Nights, run: ScheduleRun) -> None:
    with nights.store.writing() as connection:
        retry_failed(connection, run.job_id or 0)


def _blocked(nights: Nights, notify: Sequence[str] = ()) -> Path:
    """A schedule whose answers cannot be written, with its job answered. Returns what is in the way."""
    nights.put("a.jsonl", ["one"])
    nights.add(output=str(nights.folder / "out" / "{date}.jsonl"), notify=notify)
    nights.tick()
    nights.answer(nights.runs()[0].job_id)
    (nights.folder / "out").rmdir()
    (nights.folder / "out").write_text("a file, where the folder was")
    nights.tick()
    return nights.folder / "out"


def _later(nights: Nights) -> ScheduleRun:
    """A tick after the pause."""
    with nights.store.writing() as connection:
        connection.execute(
            update(schedule_runs).where(schedule_runs.c.deliver_at.is_not(None)).values(deliver_at=now(-1))
        )
    nights.tick()
    return nights.runs()[0]


def test_after_a_retry_the_file_is_written_anew(nights: Nights) -> None:
    run = _one_failed(nights)
    assert (run.failed, _lines(run)) == (1, 1)
    _retry(nights, run)
    assert nights.tick().steps == 0, "its job runs"
    nights.answer(run.job_id)
    nights.tick()
    [run] = nights.runs()
    assert (run.state, run.failed, _lines(run), run.deliveries) == (RunState.SUCCEEDED, 0, 2, 2)
    assert nights.tick().steps == 0


def test_a_retry_while_answers_are_written_has_them_written_anew(nights: Nights) -> None:
    from qwenq.schedules.delivering import deliver_run

    run = _one_failed(nights)
    with nights.store.writing() as connection:
        connection.execute(
            update(schedule_runs).values(state=RunState.RUNNING, finished_at=None, deliveries=0)
        )
        held = hold_run(connection, 60.0, run.id)
    assert held is not None
    _retry(nights, run)
    deliver_run(nights.store, nights.settings, held)
    nights.answer(run.job_id)
    nights.tick()
    assert _lines(nights.runs()[0]) == 2


def test_a_delivery_that_waits_does_not_skip_the_next_due_time(nights: Nights) -> None:
    run = _one_failed(nights)
    _retry(nights, run)
    nights.answer(run.job_id)
    from qwenq.store.schedules.deliveries import reopen_deliveries

    with nights.store.writing() as connection:
        assert reopen_deliveries(connection) == 1
    nights.tick(NIGHT + A_DAY)
    assert [one.state for one in nights.runs()] == [RunState.SUCCEEDED, RunState.RUNNING]


def test_an_output_that_cannot_be_written_is_tried_again_and_told(nights: Nights) -> None:
    in_the_way = _blocked(nights, notify=["http://127.0.0.1:9/hook"])
    [run] = nights.runs()
    assert (run.state, run.error_code, run.deliveries) == (RunState.FAILED, "output_not_writable", 1)
    assert f"({5} more attempts)" in (run.error_message or "").replace("UTC; ", "")
    assert nights.tick().steps == 0, "its pause is not over"
    in_the_way.unlink()
    run = _later(nights)
    assert (run.state, run.error_message, _lines(run)) == (RunState.SUCCEEDED, None, 1)
    with nights.store.reading() as connection:
        bodies = connection.execute(select(notices.c.body).order_by(notices.c.id)).scalars().all()
    assert [body.partition('","')[0] for body in bodies] == ['{"type":"run.failed', '{"type":"run.succeeded']


def test_deliveries_that_fail_end_after_the_last_pause_with_two_notices(nights: Nights) -> None:
    _blocked(nights, notify=["http://127.0.0.1:9/hook"])
    for _ in DELIVERY_PAUSES:
        run = _later(nights)
    assert (run.deliver_at, run.deliveries) == (None, len(DELIVERY_PAUSES) + 1)
    assert "tried again" not in (run.error_message or "")
    assert f"`qwenq schedule deliver {run.id}`" in (run.error_message or "")
    assert _later(nights).deliveries == run.deliveries
    assert len(commands.show("nightly", nights.settings).notices) == 2


def test_a_person_delivers_a_run(nights: Nights) -> None:
    in_the_way = _blocked(nights)
    [run] = nights.runs()
    assert by_hand.deliver(run.id, nights.settings).state is RunState.FAILED
    in_the_way.unlink()
    run = by_hand.deliver(run.id, nights.settings)
    assert (run.state, _lines(run)) == (RunState.SUCCEEDED, 1)


def test_a_run_that_cannot_be_delivered_is_refused_with_the_reason(nights: Nights) -> None:
    run = _one_failed(nights)
    _retry(nights, run)
    with pytest.raises(RunNotDeliverable, match="runs again"):
        by_hand.deliver(run.id, nights.settings)
    with pytest.raises(UnknownRun, match="99"):
        by_hand.deliver(99, nights.settings)
    (nights.inbox / "a.jsonl").unlink()
    nights.tick(NIGHT + A_DAY)
    with pytest.raises(RunNotDeliverable, match="no job"):
        by_hand.deliver(nights.runs()[-1].id, nights.settings)


def test_a_run_that_is_repeated_names_its_files_as_before(nights: Nights) -> None:
    run = _one_failed(nights)
    nights.put("b.jsonl", ["three"])
    again = by_hand.run("nightly", nights.settings, run.id)
    assert (again.repeats_due_at, again.job_id != run.job_id) == (run.due_at, True)
    nights.answer(again.job_id)
    again = by_hand.finish("nightly", again.id, nights.settings)
    assert (again.output, _lines(again)) == (run.output, 3)
    with pytest.raises(UnknownRun, match="schedule nightly"):
        by_hand.run("nightly", nights.settings, 99)
