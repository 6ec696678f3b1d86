"""`qwenq beat` and a worker as processes, on the real clock."""

from datetime import timedelta
from pathlib import Path

import pytest

from qwenq.schedules import commands
from qwenq.schemas.states import RunState
from qwenq.store.database.clock import moment_of
from tests.integration.schedules.conftest import Nights
from tests.processes import Fleet
from tests.waiting import eventually


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_beat_and_a_worker_answer_and_deliver_a_due_run(nights: Nights, fleet: Fleet) -> None:
    nights.put("a.jsonl", ["one", "two"])
    nights.add(cron="0 2 1 1 *")
    with nights.store.reading() as connection:
        just_now = moment_of(connection) - timedelta(seconds=1)
    nights.due_from("nightly", just_now)
    fleet.start("beat")
    fleet.start("worker", "--model", "echo")
    eventually(lambda: nights.runs() and nights.runs()[0].finished_at, "the run has ended", 120)
    [run] = nights.runs()
    assert (run.state, run.documents, run.failed) == (RunState.SUCCEEDED, 2, 0)
    assert len(Path(run.output or "").read_text().splitlines()) == 2
    assert commands.show("nightly", nights.settings).schedule.next_due_at > just_now
