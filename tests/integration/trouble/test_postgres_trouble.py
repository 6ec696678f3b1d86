"""PostgreSQL restarts, dies, stays away, cuts connections: a worker waits with backoff, and computes nothing twice."""

import itertools
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from sqlalchemy import select, text

from qwenq.producer.storing import BATCH_ROWS
from qwenq.schemas.states import JobState
from qwenq.schemas.tables.core import jobs as table
from qwenq.store.database.store import Store
from qwenq.store.database.version import upgrade_store
from tests.chaos.world.servers import PostgresServer
from tests.conftest import _create_database
from tests.integration.trouble.conftest import Start, assert_answered_without_loss
from tests.integration.trouble.slow_worker import texts
from tests.services import Jobs
from tests.waiting import eventually

DOCUMENTS = 120
STALL_SECONDS = 3
AWAY_SECONDS = 2 * STALL_SECONDS
CUTS = 3

_numbers = itertools.count()


@pytest.fixture
def database_url(server: PostgresServer) -> str:
    """A store on the server that gets into trouble."""
    url = _create_database(server.url, f"trouble_{os.getpid()}_{next(_numbers)}")
    with Store(url) as store:
        upgrade_store(store)
    return url


@pytest.mark.parametrize("how", ["restart_fast", "crash"])
def test_a_job_goes_on_after_postgresql_was_restarted(
    jobs: Jobs, start: Start, server: PostgresServer, how: str
) -> None:
    worker = start()
    job = jobs.submit(texts(DOCUMENTS), model="echo", chunk_documents=20)
    jobs.wait_until_working(job.job_id)
    getattr(server, how)()
    assert_answered_without_loss(jobs, job.job_id, worker)


def test_a_worker_that_waits_for_the_store_is_not_taken_for_hung(
    jobs: Jobs, start: Start, server: PostgresServer
) -> None:
    worker = start(stall_seconds=STALL_SECONDS)
    job = jobs.submit(texts(DOCUMENTS), model="echo", chunk_documents=20)
    jobs.wait_until_working(job.job_id)
    with server.away():
        back_at = time.monotonic() + AWAY_SECONDS
        eventually(
            lambda: time.monotonic() > back_at and "again_in_seconds" in worker.log, "the worker tries again"
        )
    assert_answered_without_loss(jobs, job.job_id, worker)


def cut_connections(jobs: Jobs) -> int:
    """Cut all connections to the database but this one; return how many there were."""
    with jobs.store.reading() as connection:
        cut: int = connection.execute(
            text(
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
                "WHERE application_name = 'qwenq' AND pid <> pg_backend_pid()"
            )
        ).scalar_one()
    return cut


def test_connections_cut_again_and_again_lose_no_document(jobs: Jobs, start: Start) -> None:
    worker = start()
    job = jobs.submit(texts(DOCUMENTS), model="echo", chunk_documents=20)
    for _ in range(CUTS):
        before = jobs.wait_until_working(job.job_id).documents.succeeded
        eventually(lambda: cut_connections(jobs) > 0, "the worker has a connection that can be cut")
        eventually(
            lambda before=before: jobs.status(job.job_id).documents.succeeded > before,  # type: ignore[misc]
            "more answers come",
        )
    assert_answered_without_loss(jobs, job.job_id, worker)


def test_a_submit_that_loses_postgresql_fails_and_none_of_it_runs(
    jobs: Jobs, server: PostgresServer, database_url: str, tmp_path: Path
) -> None:
    environment = {"QWENQ_DATABASE_URL": database_url, "QWENQ_HOME": str(jobs._settings.home)}
    read, write = os.pipe()
    command = [sys.executable, "-m", "qwenq", "submit", "-", "--format", "jsonl", "--model", "echo"]
    with (
        os.fdopen(write, "w") as rows,
        subprocess.Popen(
            command, stdin=read, stderr=subprocess.PIPE, cwd=tmp_path, env={**os.environ, **environment}
        ) as submit,
    ):
        os.close(read)
        for place in range(BATCH_ROWS + 1):
            rows.write(f'{{"text": "document {place}"}}\n')
        rows.flush()
        eventually(lambda: jobs.status(1).documents.total > 0, "a part is stored")
        server.crash()
        rows.close()
        assert submit.stderr is not None
        said = submit.stderr.read().decode()
        assert submit.wait() == 3
    assert "does not answer as it should" in said
    with jobs.store.reading() as connection:
        states = set(connection.execute(select(table.c.state)).scalars())
    assert states <= {JobState.VALIDATING}
    whole = jobs.submit(texts(4), model="echo")
    assert whole.documents == 4
