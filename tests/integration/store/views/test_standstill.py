"""For how long a job has not moved: since its newest chunk, claim, measurement, outcome or change."""

from collections.abc import Callable

import pytest
from sqlalchemy import update

from qwenq.schemas.jobs import STILL_SECONDS
from qwenq.schemas.requests import BatchMetrics
from qwenq.schemas.tables.core import batches, chunks, jobs
from qwenq.store.database.clock import now
from qwenq.store.database.store import Store
from qwenq.store.life.pausing import pause_job, resume_job
from qwenq.store.outcomes.batches import insert_batches
from qwenq.store.views.jobs.statuses import job_status
from tests.builders import MODEL, answer_all, chunks_of, claim_one, finish, make_job, make_worker

LONG_AGO = -2 * STILL_SECONDS
MEASURED = BatchMetrics(
    rows=1, prompt_tokens=1, padded_tokens=1, new_tokens=1, seconds=1, resident_bytes=1, gpu_peak_bytes=0
)


def _make_old(store: Store, job_id: int) -> None:
    """Let all that happened to a job have happened long ago."""
    with store.writing() as connection:
        for table, columns in (
            (jobs, ("created_at", "started_at", "changed_at")),
            (chunks, ("created_at", "finished_at")),
            (batches, ("finished_at",)),
        ):
            key = table.c.id if table is jobs else table.c.job_id
            for column in columns:
                connection.execute(
                    update(table)
                    .where(key == job_id, table.c[column].is_not(None))
                    .values({column: now(LONG_AGO)})
                )


def _stands_still(store: Store, job_id: int) -> bool:
    with store.reading() as connection:
        status = job_status(connection, job_id)
    assert status is not None
    return status.stands_still


def _measure(store: Store, job_id: int, worker_id: int) -> None:
    claim = claim_one(store, chunks_of(store, job_id)[1], worker_id)
    _make_old(store, job_id)
    with store.writing() as connection:
        insert_batches(connection, claim, MODEL, [MEASURED])


def _finish(store: Store, job_id: int, worker_id: int) -> None:
    finish(store, claim_one(store, chunks_of(store, job_id)[1], worker_id))


def _resume(store: Store, job_id: int, _worker_id: int) -> None:
    with store.writing() as connection:
        pause_job(connection, job_id)
        resume_job(connection, job_id)
        connection.execute(update(jobs).where(jobs.c.id == job_id).values(changed_at=now()))


@pytest.mark.parametrize("move", [_measure, _finish, _resume])
def test_a_job_stands_still_until_it_moves(store: Store, move: Callable[[Store, int, int], None]) -> None:
    worker_id = make_worker(store)
    job_id = make_job(store)
    assert not _stands_still(store, job_id)
    claim_one(store, chunks_of(store, job_id)[0], worker_id)
    _make_old(store, job_id)
    assert _stands_still(store, job_id)
    move(store, job_id, worker_id)
    assert not _stands_still(store, job_id)


def test_a_job_that_ended_or_is_paused_does_not_stand_still(store: Store) -> None:
    ended, paused = make_job(store), make_job(store)
    answer_all(store, ended, make_worker(store))
    with store.writing() as connection:
        pause_job(connection, paused)
    for job_id in (ended, paused):
        _make_old(store, job_id)
        assert not _stands_still(store, job_id)
