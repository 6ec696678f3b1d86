"""Without workers, beat rescues expired claims and announces chunks whose messages were lost."""

import os
import signal

import psutil
import pytest
from sqlalchemy import select

from qwenq.schemas.states import ChunkState
from qwenq.schemas.tables.core import chunks
from tests.builders import EXPIRED, chunks_of, claim_one, make_worker
from tests.processes import Fleet
from tests.services import Jobs
from tests.waiting import eventually

LEASE_SECONDS = 5


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_beat_alone_finds_what_is_stranded_within_two_leases(fleet: Fleet, jobs: Jobs) -> None:
    beat = fleet.start("beat", env={"QWENQ_LEASE_SECONDS": str(LEASE_SECONDS)})
    eventually(lambda: "reconciled" in beat.log.read_text(), "beat reconciles")
    job_id = jobs.submit(["first", "second"], model="echo", chunk_documents=1).job_id
    held, _ = chunks_of(jobs.store, job_id)
    claim_one(jobs.store, held, make_worker(jobs.store), EXPIRED)
    eventually(lambda: _are_announced(jobs, job_id), "both chunks wait and are announced", 2 * LEASE_SECONDS)
    assert beat.exit_code is None


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_no_process_of_a_killed_beat_announces_on(fleet: Fleet, redis: None) -> None:
    beat = fleet.start("beat", env={"QWENQ_LEASE_SECONDS": str(LEASE_SECONDS)})
    eventually(lambda: "reconciled" in beat.log.read_text(), "beat reconciles")
    clocks = psutil.Process(beat.pid).children()
    assert clocks
    os.kill(beat.pid, signal.SIGKILL)
    eventually(lambda: not any(one.is_running() for one in clocks), "its clock ends")


def _are_announced(jobs: Jobs, job_id: int) -> bool:
    waiting = select(chunks.c.state, chunks.c.published_at).where(chunks.c.job_id == job_id)
    with jobs.store.reading() as connection:
        rows = connection.execute(waiting).all()
    return all(row.state == ChunkState.QUEUED and row.published_at is not None for row in rows)
