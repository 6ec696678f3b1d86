"""Two workers: neither is idle for long beside work that the other has claimed and not begun."""

import time
from pathlib import Path

import pytest
from sqlalchemy import select

from qwenq.schemas.states import ChunkState, JobState
from qwenq.schemas.tables.core import chunks
from qwenq.store.database.store import Store
from tests.audit import audit
from tests.chaos.engines.log import ROWS
from tests.integration.trouble.slow_worker import MILLISECONDS, SlowWorker, texts
from tests.processes import Fleet
from tests.services import Jobs
from tests.waiting import eventually

LONGEST_IDLE_SECONDS = 5.0
MUCH_SECONDS = 10.0
DOCUMENTS = 1_200

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def held_by_worker(store: Store) -> dict[int, int]:
    """The documents without an outcome that each worker holds."""
    with store.reading() as connection:
        rows = connection.execute(
            select(chunks.c.worker_id, chunks.c.documents - chunks.c.succeeded - chunks.c.failed).where(
                chunks.c.state == ChunkState.RUNNING
            )
        )
        held: dict[int, int] = {}
        for worker_id, documents in rows:
            held[worker_id] = held.get(worker_id, 0) + documents
        return held


def test_a_worker_that_starts_beside_claimed_work_gets_half_of_it(
    store: Store, jobs: Jobs, fleet: Fleet, tmp_path: Path
) -> None:
    """A tiny chunk comes first, and one chunk holds all the rest."""
    folders = [tmp_path / name for name in ("one", "two")]
    for folder in folders:
        folder.mkdir()
    few = jobs.submit(texts(5), model="echo").job_id
    many = jobs.submit(texts(DOCUMENTS), model="echo", chunk_documents=DOCUMENTS).job_id
    SlowWorker(fleet, folders[0])
    eventually(lambda: jobs.status(many).documents.running, "the first worker has claimed all")
    second = SlowWorker(fleet, folders[1])
    eventually(lambda: len(held_by_worker(store)) == 2, "the second worker has a share", 60)
    second.wait_until_computing()
    longest = longest_idleness(store, jobs, many)
    assert longest < LONGEST_IDLE_SECONDS
    for job_id in (few, many):
        assert jobs.wait_until_ended(job_id).state is JobState.COMPLETED
        with store.reading() as connection:
            audit(connection, job_id)


def longest_idleness(store: Store, jobs: Jobs, job_id: int) -> float:
    """How long one of two workers was idle beside much work of the other, until the job ends."""
    much = MUCH_SECONDS * 1_000 / MILLISECONDS * ROWS
    longest, since = 0.0, None
    while not jobs.status(job_id).state.ended:
        held = held_by_worker(store)
        is_idle = len(held) < 2 and sum(held.values()) > much + ROWS
        since = (since or time.monotonic()) if is_idle else None
        longest = max(longest, time.monotonic() - since if since else 0.0)
        time.sleep(0.1)
    return longest
