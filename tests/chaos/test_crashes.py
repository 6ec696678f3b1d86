"""Workers are killed and stopped; every document still gets exactly one outcome."""

import os
import signal
from pathlib import Path

import psutil
import pytest
from sqlalchemy import func, select

from qwenq.schemas.tables.core import chunks, results
from tests.audit import audit
from tests.integration.trouble.slow_worker import SlowWorker, texts
from tests.processes import Fleet, working_process
from tests.services import Jobs
from tests.waiting import eventually

CANCELLED = 800
"""Far more documents than are answered before the cancel."""
DOCUMENTS = 120
"""Enough to be disturbed: 30 ms each, as four are answered at once."""


def attempts(jobs: Jobs, job_id: int) -> int:
    with jobs.store.reading() as connection:
        found: int = connection.execute(
            select(func.max(chunks.c.attempt)).where(chunks.c.job_id == job_id)
        ).scalar_one()
    return found


def assert_each_answered_once(jobs: Jobs, job_id: int, documents: int) -> None:
    status = jobs.wait_until_ended(job_id)
    assert (status.state, status.documents.succeeded) == ("completed", documents)
    with jobs.store.reading() as connection:
        audit(connection, job_id)
        counted = connection.execute(
            select(func.count()).select_from(results).where(results.c.job_id == job_id)
        ).scalar_one()
    assert counted == documents


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("number", "crashes"), [(signal.SIGTERM, 0), (signal.SIGKILL, 1)], ids=["somebody", "lack of memory"]
)
def test_stopping_a_working_process_is_no_crash_and_no_end_of_it_loses_or_doubles_anything(
    number: int, crashes: int, fleet: Fleet, jobs: Jobs, tmp_path: Path
) -> None:
    # A lease that ran out on a busy machine would count as a crash.
    slow = SlowWorker(fleet, tmp_path, lease_seconds=60)
    worker = slow.service
    job = jobs.submit(texts(DOCUMENTS), model="echo", chunk_documents=DOCUMENTS)
    jobs.wait_until_working(job.job_id)
    child = working_process(worker)
    assert child is not None
    os.kill(child.pid, number)

    def put_back() -> int | None:
        log = worker.log.read_text()
        return log.count("chunk.released") + log.count("chunk.rescued")

    eventually(put_back, "the chunk is put back")
    log = worker.log.read_text()
    assert (log.count("chunk.rescued"), log.count("worker.child_stopped")) == (crashes, 1 - crashes)
    assert_each_answered_once(jobs, job.job_id, DOCUMENTS)
    assert attempts(jobs, job.job_id) > 1
    assert len(slow.processes()) == 2


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_kill_9_of_the_whole_worker_leaves_the_rest_to_another(
    fleet: Fleet, jobs: Jobs, tmp_path: Path
) -> None:
    first = SlowWorker(fleet, tmp_path).service
    job = jobs.submit(texts(DOCUMENTS), model="echo", chunk_documents=40)
    jobs.wait_until_working(job.job_id)
    child = working_process(first)
    assert child is not None
    os.kill(first.pid, signal.SIGKILL)
    SlowWorker(fleet, tmp_path)
    assert_each_answered_once(jobs, job.job_id, DOCUMENTS)
    eventually(lambda: not psutil.pid_exists(child.pid) or child.status() == "zombie", "the orphan ends")


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_worker_that_is_asked_to_stop_releases_its_chunk_without_a_crash(
    fleet: Fleet, jobs: Jobs, tmp_path: Path
) -> None:
    # A lease that ran out on a busy machine would count as a crash.
    first = SlowWorker(fleet, tmp_path, lease_seconds=60).service
    job = jobs.submit(texts(DOCUMENTS), model="echo", chunk_documents=40)
    jobs.wait_until_working(job.job_id)
    first.ask_to_stop()
    assert eventually(lambda: first.exit_code is not None, "the worker stops")
    assert first.exit_code == 0
    status = jobs.status(job.job_id)
    assert status.documents.running == 0
    assert 0 < status.documents.succeeded < DOCUMENTS
    with jobs.store.reading() as connection:
        audit(connection, job.job_id)
        crashes = connection.execute(select(func.max(chunks.c.crashes))).scalar_one()
    assert crashes == 0
    SlowWorker(fleet, tmp_path)
    assert_each_answered_once(jobs, job.job_id, DOCUMENTS)


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_cancel_reaches_a_running_batch_with_the_next_renewal(
    fleet: Fleet, jobs: Jobs, tmp_path: Path
) -> None:
    from qwenq.store.life.cancelling import cancel_job

    worker = SlowWorker(fleet, tmp_path).service
    job = jobs.submit(texts(CANCELLED), model="echo", chunk_documents=CANCELLED // 2)
    jobs.wait_until_working(job.job_id)
    with jobs.store.writing() as connection:
        cancel_job(connection, job.job_id)
    jobs.wait_until_dropped(job.job_id)
    status = jobs.status(job.job_id)
    assert status.documents.done + status.documents.cancelled == CANCELLED
    assert status.documents.cancelled > 0
    with jobs.store.reading() as connection:
        audit(connection, job.job_id)
    assert worker.exit_code is None
    another = jobs.submit(["one", "two"], model="echo")
    assert jobs.wait_until_ended(another.job_id).documents.succeeded == 2
