"""SQLite is locked, or its disk is full: a worker waits with backoff; what cannot go on says why and loses nothing."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from qwenq.embedded.service import Service
from qwenq.store.database.store import Store
from tests.audit import audit
from tests.integration.trouble.conftest import Start, assert_answered_without_loss
from tests.integration.trouble.full_disk import SIZE_FILE
from tests.integration.trouble.slow_worker import ROOT, texts
from tests.processes import Fleet, qwenq, read_jsonl, write_jsonl
from tests.services import Jobs
from tests.waiting import eventually

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

STALL_SECONDS = 3
BUSY_SECONDS = 2 * STALL_SECONDS
IMPATIENT = {"QWENQ_PATIENCE_SECONDS": "1", "QWENQ_LEASE_SECONDS": "2"}
"""For a worker that gives up: the next one can claim its chunks after this time."""
LONG = "word " * 2_000
"""A document's text: a few such answers need more than a page of free space."""
_HOLD = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=30)
connection.execute("BEGIN IMMEDIATE")
print("held", flush=True)
sys.stdin.read()
"""


@contextmanager
def another_program_writes(store: Store) -> Iterator[None]:
    """Have another process hold the store's one write lock."""
    path = str(store.engine.url.database)
    with subprocess.Popen(
        [sys.executable, "-c", _HOLD, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        yield
        assert holder.stdin is not None
        holder.stdin.close()


class Disk:
    """A disk for processes that get its environment."""

    def __init__(self, folder: Path, store: Store) -> None:
        self._size = folder / "pages"
        self._store = store
        (folder / "sitecustomize.py").write_text(
            "from tests.integration.trouble.full_disk import limit_disk\nlimit_disk()\n"
        )
        self.environment = {"PYTHONPATH": f"{folder}:{ROOT}", SIZE_FILE: str(self._size)}

    def fill(self) -> None:
        """Keep the store from growing."""
        with self._store.reading() as connection:
            pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        self._size.write_text(str(pages))

    def free(self) -> None:
        """Make room again."""
        self._size.unlink()


@pytest.fixture
def disk(tmp_path: Path, store: Store) -> Disk:
    """A disk that can be filled."""
    folder = tmp_path / "disk"
    folder.mkdir()
    return Disk(folder, store)


def test_a_worker_waits_for_a_store_that_is_locked_for_long(jobs: Jobs, start: Start) -> None:
    worker = start(stall_seconds=STALL_SECONDS)
    job = jobs.submit(texts(80), model="echo", chunk_documents=20)
    before = jobs.wait_until_working(job.job_id).documents.succeeded
    with another_program_writes(jobs.store):
        free_at = time.monotonic() + BUSY_SECONDS
        eventually(lambda: time.monotonic() > free_at, "it was locked for long")
        assert jobs.status(job.job_id).documents.succeeded < 80
    assert before < 80
    assert_answered_without_loss(jobs, job.job_id, worker)


def test_a_worker_waits_while_the_disk_is_full_and_then_goes_on(jobs: Jobs, fleet: Fleet, disk: Disk) -> None:
    job = jobs.submit([LONG] * 40, model="echo", chunk_documents=10, max_new_tokens=4_000)
    disk.fill()
    worker = fleet.start("worker", "--model", "echo", env=disk.environment)
    eventually(
        lambda: "database or disk is full. Free disk space." in worker.log.read_text(), "the worker logs it"
    )
    assert jobs.status(job.job_id).documents.succeeded == 0
    disk.free()
    assert jobs.wait_until_ended(job.job_id).documents.succeeded == 40
    with jobs.store.reading() as connection:
        audit(connection, job.job_id)


def test_a_worker_stops_with_the_reason_when_the_disk_stays_full(
    jobs: Jobs, fleet: Fleet, disk: Disk
) -> None:
    job = jobs.submit([LONG] * 40, model="echo", chunk_documents=10, max_new_tokens=4_000)
    disk.fill()
    worker = fleet.start("worker", "--model", "echo", env={**disk.environment, **IMPATIENT})
    assert eventually(lambda: worker.exit_code, "the worker stops") == 3
    assert_explained(jobs, last_words(worker))
    assert jobs.status(job.job_id).documents.total == 40
    disk.free()
    fleet.start("worker", "--model", "echo")
    assert jobs.wait_until_ended(job.job_id).documents.succeeded == 40
    with jobs.store.reading() as connection:
        audit(connection, job.job_id)


def test_a_job_that_does_not_fit_on_the_disk_is_refused_and_leaves_nothing(
    jobs: Jobs, fleet: Fleet, disk: Disk, tmp_path: Path
) -> None:
    path = write_jsonl(tmp_path / "docs.jsonl", [{"text": LONG} for _ in range(300)])
    disk.fill()
    environment = {**disk.environment, "QWENQ_DATABASE_URL": f"sqlite:///{jobs.store.engine.url.database}"}
    refused = qwenq("submit", path, "--model", "echo", cwd=tmp_path, env=environment)
    assert refused.returncode == 3
    assert_explained(jobs, refused.stderr)
    with jobs.store.reading() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM documents").scalar_one() == 0
    disk.free()
    assert qwenq("submit", path, "--model", "echo", cwd=tmp_path, env=environment).returncode == 0


def test_a_one_shot_that_finds_the_disk_full_goes_on_when_run_again(
    disk: Disk, tmp_path: Path, settings: object
) -> None:
    path = write_jsonl(tmp_path / "docs.jsonl", [{"text": LONG} for _ in range(40)])
    environment = {**disk.environment, **IMPATIENT, "QWENQ_HOME": str(tmp_path / "run")}
    command = ("run", path, "--model", "echo", "--max-new-tokens", "4000", "-o", tmp_path / "out.jsonl")
    disk._size.write_text("200")
    full = qwenq(*command, cwd=tmp_path, env=environment)
    assert full.returncode == 3
    assert "disk is full" in full.stderr
    assert not (tmp_path / "out.jsonl").exists()
    disk.free()
    assert qwenq(*command, cwd=tmp_path, env=environment).returncode == 0
    assert len(read_jsonl(tmp_path / "out.jsonl")) == 40


def last_words(worker: Service) -> str:
    return worker.log.read_text().strip().splitlines()[-1]


def assert_explained(jobs: Jobs, said: str) -> None:
    """Assert that the message says what is wrong, where, and what to do."""
    assert "disk is full" in said
    assert str(jobs.store.engine.url.database) in said
    assert "Free disk space" in said
