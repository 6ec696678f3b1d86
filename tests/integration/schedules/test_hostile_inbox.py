"""A schedule over an inbox with a file that aborts whatever reads it."""

from datetime import timedelta
from pathlib import Path

import pytest

from qwenq.actions.request import JobRequest
from qwenq.schedules import commands
from qwenq.schemas.schedules import RunPolicy
from qwenq.schemas.states import RunState
from qwenq.store.database.clock import moment_of
from tests.hostile.pdfs import nested_forms
from tests.integration.schedules.conftest import Nights
from tests.processes import Fleet
from tests.waiting import eventually


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_beat_answers_good_files_beside_a_pdf_that_aborts_its_reader(
    nights: Nights, fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QWENQ_READ_SECONDS", "10")
    (nights.inbox / "bomb.pdf").write_bytes(nested_forms(12, 10))
    (nights.inbox / "good.txt").write_text("good")
    policy = RunPolicy(output=str(nights.folder / "answers.jsonl"))
    added = commands.add(
        "nightly", ("0 2 1 1 *", "UTC"), JobRequest(files=[str(nights.inbox)]), policy, nights.settings
    )
    assert not [warning for warning in added.warnings if "would fail" in warning]
    with nights.store.reading() as connection:
        just_now = moment_of(connection) - timedelta(seconds=1)
    nights.due_from("nightly", just_now)
    beat = fleet.start("beat")
    fleet.start("worker", "--model", "echo")
    eventually(lambda: nights.runs() and nights.runs()[0].finished_at, "the run has ended", 200)
    [run] = nights.runs()
    assert (run.state, run.documents, run.failed) == (RunState.SUCCEEDED, 2, 1)
    assert len(Path(run.output or "").read_text().splitlines()) == 1
    assert beat.exit_code is None
