"""A worker that receives nothing while chunks wait heals itself or leaves; its supervisor starts another."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from qwenq.embedded.session import environment_of
from qwenq.schemas.settings import Settings
from tests.integration.test_topology import free_port
from tests.processes import ONE_THREAD, Fleet
from tests.services import Jobs
from tests.waiting import eventually

BREAKING = Path(__file__).parent / "broken_worker"
REPOSITORY = Path(__file__).parents[3]


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    return sqlite_url


def broken(how: str, folder: Path, patience: float = 1.0) -> dict[str, str]:
    """The environment in which the first worker is broken."""
    return {
        "BREAK_WORKER": how,
        "BREAK_MARK": str(folder / "broken"),
        "BREAK_PATIENCE": str(patience),
        "PYTHONPATH": os.pathsep.join([str(BREAKING), str(REPOSITORY)]),
    }


def test_a_worker_whose_consumer_was_cancelled_listens_again(
    fleet: Fleet, jobs: Jobs, tmp_path: Path
) -> None:
    worker = fleet.start("worker", "--model", "echo", env=broken("cancel_consumer", tmp_path))
    eventually(lambda: "Canceling queue" in worker.log.read_text(), "the consumer is cancelled", 60)
    job = jobs.submit(["one", "two"], model="echo", chunk_documents=1)
    assert jobs.wait_until_ended(job.job_id, 60).documents.succeeded == 2
    assert worker.exit_code is None
    assert "worker.idle" in worker.log.read_text()


def test_a_worker_that_stays_deaf_leaves_with_a_code_of_its_own(
    fleet: Fleet, jobs: Jobs, tmp_path: Path
) -> None:
    worker = fleet.start("worker", "--model", "echo", env=broken("never_read", tmp_path))
    job = jobs.submit(["one"], model="echo")
    assert eventually(lambda: worker.exit_code, "the worker leaves", 60) == 70
    assert "while chunks of its model waited (1)" in worker.last_words()
    fleet.start("worker", "--model", "echo")
    assert jobs.wait_until_ended(job.job_id, 60).documents.succeeded == 1


def test_a_consumer_that_dies_of_an_error_ends_its_worker_with_that_reason(
    fleet: Fleet, jobs: Jobs, tmp_path: Path
) -> None:
    worker = fleet.start("worker", "--model", "echo", env=broken("die", tmp_path))
    jobs.submit(["one"], model="echo")
    assert eventually(lambda: worker.exit_code, "the worker ends", 60) == 70
    assert "ZeroDivisionError" in worker.last_words()


def test_up_says_why_a_worker_left_and_starts_it_again(
    jobs: Jobs, settings: Settings, tmp_path: Path
) -> None:
    settings = settings.model_copy(update={"broker_url": f"redis+socket://{settings.home}/redis.sock"})
    environment = {**os.environ, **ONE_THREAD, **environment_of(settings), **broken("never_read", tmp_path)}
    said = tmp_path / "said"
    with said.open("w") as output:
        up = subprocess.Popen(
            [sys.executable, "-m", "qwenq", "up", "--model", "echo", "--port", str(free_port())],
            env=environment,
            cwd=tmp_path,
            stderr=output,
        )
    try:
        job = jobs.submit(["one"], model="echo")
        assert jobs.wait_until_ended(job.job_id, 90).documents.succeeded == 1
        assert "the worker is started again: exit code 70" in said.read_text()
        assert "messages lay in its queue" in said.read_text()
        up.send_signal(signal.SIGINT)
        assert up.wait(60) == 130
    finally:
        up.kill()
        up.wait()
