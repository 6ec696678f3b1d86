"""The store process: its work looks as if done in this process, and it does not outlive the process that asks."""

import logging
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest
from sqlalchemy import func, select

from qwenq.embedded.session import environment_of
from qwenq.schemas.errors import LeaseLost, StoreAway, StoreWorkFailed
from qwenq.schemas.log.events import Event
from qwenq.schemas.settings import Settings
from qwenq.schemas.tables.core import results
from qwenq.store.database.store import Store
from qwenq.store.outcomes.outcome_rows import OutcomeRows
from qwenq.worker.store_process import client as store_process_module
from qwenq.worker.store_process.claiming import Terms
from qwenq.worker.store_process.client import Lane, StoreProcess
from qwenq.worker.store_process.settling import Ending, Unwritten, keep_claim
from qwenq.worker.turn.claimant import Claimant
from tests.audit import audit
from tests.builders import MODEL, answer, chunks_of, make_job, make_worker
from tests.integration.trouble.slow_worker import SlowWorker, texts
from tests.integration.worker import work
from tests.processes import Fleet, store_process_of, working_process
from tests.services import Jobs
from tests.waiting import eventually

ROOT = Path(__file__).parents[3]
LEASE = 60.0
SOON = 20.0
"""For an answer: long enough for a store process to start on a busy machine."""


@pytest.fixture
def environment(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """The settings and the tests' own work, for the store process."""
    for name, value in {**environment_of(settings), "PYTHONPATH": str(ROOT)}.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def process(store: Store, environment: None) -> Iterator[StoreProcess]:
    """A store process that works on the test's store; killed in the end."""
    process = StoreProcess(store)
    yield process
    os.kill(process.run(Lane.CLAIMING, work.pid), signal.SIGKILL)
    with pytest.raises(StoreAway):
        process.run(Lane.CLAIMING, work.pid)


def is_gone(pid: int) -> bool:
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_the_store_process_claims_writes_and_finishes_a_chunk(
    store: Store, process: StoreProcess, caplog: pytest.LogCaptureFixture
) -> None:
    job_id = make_job(store, documents=4)
    claimant = Claimant(process, Terms(MODEL, make_worker(store), LEASE))
    with caplog.at_level(logging.INFO, "qwenq.store"):
        assignment = claimant.claim(chunks_of(store, job_id)[0])
        assert assignment is not None
        assert [seq for seq, _ in assignment.documents] == [0, 1, 2, 3]
        unwritten = Unwritten(OutcomeRows.of(map(answer, range(4))))
        claim = assignment.claim
        kept = process.run(Lane.KEEPING, keep_claim, claim, unwritten, MODEL, LEASE, Ending.KEPT)
        assert (kept.ending, kept.standing.unfinished) == (Ending.FINISHED, 0)
        with pytest.raises(LeaseLost, match=f"{claim.chunk_id}"):
            process.run(Lane.KEEPING, keep_claim, claim, unwritten, MODEL, LEASE, Ending.KEPT)
    logged = [record.msg for record in caplog.records if record.msg.startswith("chunk.")]
    assert logged == [Event.CHUNK_CLAIMED, Event.CHUNK_FINISHED]
    with store.reading() as connection:
        audit(connection, job_id)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_work_on_one_lane_does_not_wait_for_the_other(process: StoreProcess, tmp_path: Path) -> None:
    begun, go_on = tmp_path / "begun", tmp_path / "go on"
    with ThreadPoolExecutor(1) as beside:
        waiting = beside.submit(process.run, Lane.KEEPING, work.wait_for, begun, go_on)
        eventually(begun.exists, "the work begins")
        one = process.run(Lane.CLAIMING, work.pid)
        assert not waiting.done()
        go_on.touch()
        assert waiting.result() == one != os.getpid()


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_known_errors_come_back_as_they_are_and_unknown_ones_by_kind(
    process: StoreProcess, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(LeaseLost) as lost:
        process.run(Lane.KEEPING, work.lose, 7)
    assert lost.value.facts == {"chunk_id": 7, "attempt": 2}
    with pytest.raises(StoreWorkFailed, match="ZeroDivisionError"):
        process.run(Lane.KEEPING, work.divide)
    assert process.run(Lane.KEEPING, work.finish, 7) == "finished"
    said = capfd.readouterr().err
    assert "store.work_failed" in said
    assert "work.py" in said


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_work_of_a_killed_store_process_raises_store_away_and_a_new_one_starts(
    process: StoreProcess, tmp_path: Path
) -> None:
    begun = tmp_path / "begun"
    first = process.run(Lane.CLAIMING, work.pid)
    with ThreadPoolExecutor(1) as beside:
        waiting = beside.submit(process.run, Lane.KEEPING, work.wait_for, begun, tmp_path / "never")
        eventually(begun.exists, "the work begins")
        os.kill(first, signal.SIGKILL)
        with pytest.raises(StoreAway, match=r"is gone: .*A new one starts"):
            waiting.result()
    assert process.run(Lane.KEEPING, work.pid) != first
    assert process.run(Lane.CLAIMING, work.pid) != first


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_next_work_notices_a_store_process_killed_while_idle(
    process: StoreProcess,
) -> None:
    first = process.run(Lane.CLAIMING, work.pid)
    os.kill(first, signal.SIGKILL)
    with pytest.raises(StoreAway):
        process.run(Lane.CLAIMING, work.pid)
    assert process.run(Lane.CLAIMING, work.pid) != first


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_store_process_that_does_not_answer_is_ended(
    process: StoreProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(store_process_module, "ANSWER_SECONDS", SOON)
        first = process.run(Lane.KEEPING, work.pid)
        with pytest.raises(StoreAway, match="no answer for"):
            process.run(Lane.KEEPING, work.wait_for, tmp_path / "begun", tmp_path / "never")
    assert is_gone(first)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_store_process_that_does_not_read_is_ended(
    process: StoreProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(store_process_module, "ANSWER_SECONDS", SOON)
        first = process.run(Lane.KEEPING, work.pid)
        os.kill(first, signal.SIGSTOP)
        with pytest.raises(StoreAway, match="no answer for"):
            process.run(Lane.KEEPING, work.length, "x" * 5_000_000)
    assert is_gone(first)
    assert process.run(Lane.KEEPING, work.length, "x" * 5_000_000) == 5_000_000


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_the_store_process_ignores_signals_to_the_whole_group(
    process: StoreProcess, number: signal.Signals
) -> None:
    first = process.run(Lane.KEEPING, work.pid)
    os.kill(first, number)
    assert process.run(Lane.KEEPING, work.pid) == first


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_store_process_ends_when_the_process_that_asks_is_killed(store: Store, environment: None) -> None:
    asks = (
        "from qwenq.schemas.settings import settings_of_process\n"
        "from qwenq.store.database.store import Store\n"
        "from tests.integration.worker import work\n"
        "from qwenq.worker.store_process.client import Lane, StoreProcess\n"
        "process = StoreProcess(Store.of(settings_of_process()))\n"
        "print(process.run(Lane.KEEPING, work.pid), flush=True)\n"
        "input()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", asks], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as asking:
        assert asking.stdout is not None
        serving = int(asking.stdout.readline())
        assert not is_gone(serving)
        asking.kill()
        eventually(lambda: is_gone(serving), "the process ends")


def test_a_worker_whose_store_process_is_killed_answers_each_document_once(
    fleet: Fleet, jobs: Jobs, store: Store, tmp_path: Path
) -> None:
    # However busy the machine is, no lease may expire: nothing may be computed twice.
    worker = SlowWorker(fleet, tmp_path, lease_seconds=60)
    job = jobs.submit(texts(24), model="echo", chunk_documents=4)
    jobs.wait_until_working(job.job_id)
    child = working_process(worker.service)
    assert child is not None
    serving = store_process_of(child)
    assert serving is not None
    serving.kill()
    status = jobs.wait_until_ended(job.job_id)
    assert (status.state, status.documents.succeeded) == ("completed", 24)
    with store.reading() as connection:
        audit(connection, job.job_id)
        answered = connection.execute(select(func.count()).select_from(results)).scalar_one()
    assert answered == 24
    assert max(worker.computed().values()) == 1
    assert len(worker.processes()) == 1
