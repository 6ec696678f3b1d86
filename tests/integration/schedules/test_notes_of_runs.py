"""What a run found out about its inputs, and why its documents failed, is said where a person looks."""

import logging
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import cast

import pytest

from qwenq.actions.request import JobRequest
from qwenq.embedded.session import environment_of
from qwenq.schedules import commands
from qwenq.schedules.job_of_run import _NotesOfRun
from qwenq.schemas.log.events import Event
from qwenq.schemas.schedules import HeldRun, RunPolicy
from tests.commands import qwenq_here
from tests.integration.schedules.conftest import Nights
from tests.waiting import eventually

TABLE = "id;text\n1;Zażółć gęślą jaźń\n2;a;b;c\n"


def _answer(nights: Nights) -> None:
    [job_id] = eventually(lambda: [run.job_id for run in nights.runs() if run.job_id], "the run's job")
    nights.answer(job_id)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_run_says_what_it_found_out_and_why_documents_failed(nights: Nights) -> None:
    (nights.inbox / "a.csv").write_bytes(TABLE.encode("cp1250"))
    request = JobRequest(files=[str(nights.inbox / "*.csv")])
    policy = RunPolicy(output=str(nights.folder / "{date}.jsonl"))
    commands.add("nightly", ("0 2 * * *", "UTC"), request, policy, nights.settings)
    home = environment_of(nights.settings)
    with ThreadPoolExecutor(1) as worker:
        answering = worker.submit(_answer, nights)
        ran = qwenq_here("schedule", "run", "nightly", "--wait", cwd=nights.folder, env=home)
        answering.result()
    note = "a.csv: cut by ';', read as cp1250"
    assert note in ran.stderr
    assert "1 document without an answer; `qwenq results 1 --errors FILE` writes all of them" in ran.stderr
    assert "1: invalid_row: " in ran.stderr
    shown = qwenq_here("schedule", "show", "nightly", cwd=nights.folder, env=home).stdout
    assert "found out about the inputs of run 1:" in shown
    assert shown.rstrip().endswith(note)


def test_the_log_has_the_notes_without_words_of_the_documents(caplog: pytest.LogCaptureFixture) -> None:
    held = SimpleNamespace(schedule=SimpleNamespace(name="nightly"), run=SimpleNamespace(id=7))
    notes = _NotesOfRun(cast("HeldRun", held))
    with caplog.at_level(logging.INFO):
        notes.add("a.csv: cut by ';'")
        notes.add("a.csv: its encoding is not sure; give it with --encoding: cp1252 reads 'señor'")
    assert [record.message for record in caplog.records] == [Event.RUN_READ] * 2
    logged = [vars(record)["note"] for record in caplog.records]
    assert logged == ["a.csv: cut by ';'", "a.csv: its encoding is not sure; give it with --encoding"]
    assert notes.text is not None
    assert notes.text.splitlines()[1].endswith("cp1252 reads 'señor'")
