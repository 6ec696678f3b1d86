"""PostgreSQL's disk is full: a worker waits until there is room; a job that does not fit is refused with the reason."""

import os
import random
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from qwenq.store.database.store import Store
from tests.audit import audit
from tests.chaos.world.servers import PostgresServer
from tests.integration.trouble.test_postgres_trouble import database_url
from tests.processes import Fleet, qwenq, write_jsonl
from tests.services import Jobs
from tests.waiting import eventually

__all__ = ["database_url"]

WORDS = 2_000
DOCUMENTS = 200


class SmallDisk:
    """A file system in memory, with a tablespace on it."""

    def __init__(self, store: Store, folder: Path) -> None:
        self._store = store
        self._folder = folder

    def hold(self, table: str) -> None:
        """Move a table there."""
        with self._store.writing() as connection:
            connection.exec_driver_sql(f"ALTER TABLE {table} SET TABLESPACE small")

    def grow(self) -> None:
        """Make room."""
        _mount("-o", "remount,size=256m", str(self._folder))


@pytest.fixture
def disk(server: PostgresServer, store: Store, tmp_path: Path) -> Iterator[SmallDisk]:
    """A disk of one megabyte."""
    folder = server.folder / "small"
    folder.mkdir()
    try:
        _mount("-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder))
    except subprocess.CalledProcessError:
        pytest.skip("a disk that is full takes the right to mount one")
    try:
        _own(folder, like=server.folder / "data")
        # A tablespace can be neither made nor dropped inside a transaction.
        url = store.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(f"CREATE TABLESPACE small LOCATION '{folder}'".encode())
            yield SmallDisk(store, folder)
            for table in ("results", "documents"):
                connection.execute(f"ALTER TABLE {table} SET TABLESPACE pg_default".encode())
            connection.execute(b"DROP TABLESPACE small")
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
        folder.rmdir()


def long_texts() -> list[str]:
    """Make texts that cannot be compressed."""
    draw = random.Random(7)
    return [" ".join(f"{draw.getrandbits(40):x}" for _ in range(WORDS)) for _ in range(DOCUMENTS)]


def test_a_worker_waits_while_the_disk_is_full_and_then_goes_on(
    jobs: Jobs, fleet: Fleet, disk: SmallDisk
) -> None:
    disk.hold("results")
    job = jobs.submit(long_texts(), model="echo", chunk_documents=100, max_new_tokens=WORDS)
    worker = fleet.start("worker", "--model", "echo")
    told = "No space left on device. Free disk space."
    eventually(lambda: told in worker.log.read_text(), "the worker logs it")
    assert not jobs.status(job.job_id).state.ended
    disk.grow()
    assert jobs.wait_until_ended(job.job_id).documents.succeeded == DOCUMENTS
    with jobs.store.reading() as connection:
        audit(connection, job.job_id)


def test_a_job_that_does_not_fit_is_refused_and_none_of_it_runs(
    jobs: Jobs, disk: SmallDisk, database_url: str, tmp_path: Path
) -> None:
    disk.hold("documents")
    path = write_jsonl(tmp_path / "docs.jsonl", [{"text": text} for text in long_texts()])
    command = ("submit", path, "--model", "echo")
    environment = {"QWENQ_DATABASE_URL": database_url, "QWENQ_HOME": str(jobs._settings.home)}
    refused = qwenq(*command, cwd=tmp_path, env=environment)
    assert refused.returncode == 3
    assert "No space left on device" in refused.stderr
    assert "Free disk space" in refused.stderr
    with jobs.store.reading() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM documents").scalar_one() == 0
    disk.grow()
    assert qwenq(*command, cwd=tmp_path, env=environment).returncode == 0


def _mount(*words: str) -> None:
    subprocess.run(["mount", *words], check=True, capture_output=True)


def _own(folder: Path, like: Path) -> None:
    owner = like.stat()
    os.chown(folder, owner.st_uid, owner.st_gid)
