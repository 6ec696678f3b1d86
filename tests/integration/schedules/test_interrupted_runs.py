"""A run that is interrupted while it reads its inputs is read again, and fails if its process dies each time."""

import pytest
from sqlalchemy import update

from qwenq import api
from qwenq.schedules import advancing
from qwenq.schedules.due import make_due_runs
from qwenq.schemas.errors import JobGivenUp
from qwenq.schemas.states import RunState
from qwenq.schemas.tables.schedules import notices, schedule_runs
from qwenq.store.database.clock import now
from qwenq.store.schedules.runs import hold_run, release_run
from tests.integration.schedules.conftest import A_DAY, NIGHT, Nights


def test_a_run_whose_process_died_twice_while_it_read_fails_with_a_notice(nights: Nights) -> None:
    nights.put("a.jsonl", ["one"])
    nights.add(notify=["http://127.0.0.1:9/hook"])
    nights.due_from("nightly", NIGHT)
    make_due_runs(nights.store, NIGHT)
    for _ in range(2):
        with nights.store.writing() as connection:
            held = hold_run(connection, 60.0)
            assert held is not None
            assert release_run(connection, held, -1, crashed=True)
    nights.tick()
    [run] = nights.runs()
    assert (run.state, run.error_code) == (RunState.FAILED, "input_killed_reader")
    assert str(nights.inbox) in (run.error_message or "")
    assert api.jobs(settings=nights.settings) == []
    with nights.store.reading() as connection:
        [notice] = connection.execute(notices.select()).all()
    assert '"error_code":"input_killed_reader"' in notice.body


def test_a_beat_that_is_killed_again_and_again_is_no_crash_of_the_run_that_it_held(nights: Nights) -> None:
    nights.put("a.jsonl", ["one"])
    nights.add()
    make_due_runs(nights.store, NIGHT)
    for _ in range(5):
        with nights.store.writing() as connection:
            assert hold_run(connection, 60.0) is not None
            connection.execute(update(schedule_runs).values(holder_expires_at=now(-1)))
    nights.tick()
    [run] = nights.runs()
    assert (run.crashes, run.error_code) == (0, None)
    assert run.job_id is not None


def test_a_run_whose_half_job_another_process_removed_is_tried_again(
    nights: Nights, monkeypatch: pytest.MonkeyPatch
) -> None:
    nights.put("a.jsonl", ["one"])
    nights.add()

    def give_up(*_: object, **__: object) -> None:
        raise JobGivenUp(job_id=1)

    with monkeypatch.context() as removing:
        removing.setattr(advancing, "submit_run", give_up)
        nights.tick()
    with nights.store.writing() as connection:
        connection.execute(update(schedule_runs).values(holder_expires_at=now(-1)))
    nights.tick()
    [run] = nights.runs()
    assert (run.state, run.crashes) == (RunState.RUNNING, 0)
    assert run.job_id is not None


def test_a_run_that_was_stopped_politely_is_no_crash(nights: Nights, monkeypatch: pytest.MonkeyPatch) -> None:
    nights.put("a.jsonl", ["one"])
    nights.add()

    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    for _ in range(3):
        with monkeypatch.context() as stopping:
            stopping.setattr(advancing, "submit_run", stop)
            with pytest.raises(KeyboardInterrupt):
                nights.tick()
        with nights.store.writing() as connection:
            connection.execute(update(schedule_runs).values(holder_expires_at=now(-1)))
    nights.tick()
    [run] = nights.runs()
    assert (run.state, run.crashes) == (RunState.RUNNING, 0)
    assert run.job_id is not None


def test_runs_that_may_overlap_read_one_after_the_other(nights: Nights) -> None:
    nights.put("a.jsonl", ["one"])
    nights.add(overlap="allow")
    make_due_runs(nights.store, NIGHT)
    nights.due_from("nightly", NIGHT + A_DAY)
    make_due_runs(nights.store, NIGHT + A_DAY)
    with nights.store.writing() as connection:
        held = hold_run(connection, 60.0)
        assert held is not None
        assert hold_run(connection, 60.0) is None
    advancing.advance_run(nights.store, nights.broker, nights.settings, held)
    with nights.store.writing() as connection:
        assert hold_run(connection, 60.0) is not None
