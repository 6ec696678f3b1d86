"""Cancelling: waiting documents at once, those of a worker with its next renewal."""

import pytest
from sqlalchemy import update

from qwenq.schemas.errors import JobNotCancellable
from qwenq.schemas.states import ChunkState, JobState
from qwenq.schemas.tables.core import jobs
from qwenq.store.database.store import Store
from qwenq.store.life.cancelling import cancel_job
from qwenq.store.life.claims import drop_chunk, hold_fence, release_chunk
from qwenq.store.life.half_jobs import queue_job
from tests.builders import (
    answer,
    answer_all,
    chunks_of,
    claim_one,
    failure,
    finish,
    make_job,
    make_worker,
    write,
)
from tests.integration.store.conftest import Audited


def test_a_cancel_of_a_waiting_job_cancels_all_documents_but_bad_rows(store: Store, audited: Audited) -> None:
    job_id = make_job(store, documents=10, bad=(3,))
    _cancel(store, job_id)
    status = audited(job_id)
    assert (status.state, status.documents.cancelled, status.documents.failed) == (JobState.CANCELLED, 9, 1)
    assert status.finished_at is not None
    assert chunks_of(store, job_id, ChunkState.DONE) == chunks_of(store, job_id)


def test_a_running_chunk_of_a_cancelled_job_runs_until_its_worker_drops_it(
    store: Store, audited: Audited
) -> None:
    job_id = make_job(store, documents=12)
    claim = claim_one(store, chunks_of(store, job_id)[1], make_worker(store))
    write(store, claim, [answer(4)])
    _cancel(store, job_id)
    status = audited(job_id)
    assert (status.state, status.documents.running, status.documents.cancelled) == (JobState.CANCELLED, 3, 8)
    with store.writing() as connection:
        assert hold_fence(connection, claim, 60).job == JobState.CANCELLED
        drop_chunk(connection, claim)
    status = audited(job_id)
    assert (status.documents.succeeded, status.documents.cancelled) == (1, 11)
    assert chunks_of(store, job_id, ChunkState.DONE) == chunks_of(store, job_id)


def test_a_cancel_keeps_the_outcomes_of_a_released_chunk(store: Store, audited: Audited) -> None:
    job_id = make_job(store, documents=4)
    claim = claim_one(store, chunks_of(store, job_id)[0], make_worker(store))
    write(store, claim, [answer(0), answer(1), failure(2)])
    with store.writing() as connection:
        release_chunk(connection, claim)
    _cancel(store, job_id)
    documents = audited(job_id).documents
    assert (documents.succeeded, documents.failed, documents.cancelled) == (2, 1, 1)


def test_answers_that_arrive_after_a_cancel_are_kept(store: Store, audited: Audited) -> None:
    job_id = make_job(store, documents=8)
    claim = claim_one(store, chunks_of(store, job_id)[0], make_worker(store))
    _cancel(store, job_id)
    assert finish(store, claim) is None
    status = audited(job_id)
    assert (status.state, status.documents.succeeded, status.documents.cancelled) == (
        JobState.CANCELLED,
        4,
        4,
    )


def test_a_chunk_released_after_a_cancel_is_dropped(store: Store, audited: Audited) -> None:
    """Its worker stops at the same moment, and does not know of the cancel."""
    job_id = make_job(store, documents=4)
    claim = claim_one(store, chunks_of(store, job_id)[0], make_worker(store))
    write(store, claim, [failure(2)])
    _cancel(store, job_id)
    with store.writing() as connection:
        hold_fence(connection, claim, None)
        release_chunk(connection, claim)
    assert audited(job_id).documents.cancelled == 3
    assert chunks_of(store, job_id, ChunkState.DONE) == chunks_of(store, job_id)


def test_a_job_cancelled_while_it_is_stored_stays_cancelled(store: Store, audited: Audited) -> None:
    job_id = make_job(store, documents=10, released=False)
    with store.writing() as connection:
        connection.execute(
            update(jobs)
            .where(jobs.c.id == job_id)
            .values(state=JobState.CANCELLED, finished_at=jobs.c.created_at)
        )
    with store.writing() as connection:
        queue_job(connection, job_id)
    assert audited(job_id).documents.cancelled == 10


@pytest.mark.parametrize("ended", [JobState.COMPLETED, JobState.FAILED, JobState.CANCELLED])
def test_a_job_that_has_ended_cannot_be_cancelled(store: Store, audited: Audited, ended: JobState) -> None:
    job_id = make_job(store, documents=2)
    if ended == JobState.COMPLETED:
        answer_all(store, job_id, make_worker(store))
    elif ended == JobState.FAILED:
        finish(
            store, claim_one(store, chunks_of(store, job_id)[0], make_worker(store)), [failure(0), failure(1)]
        )
    else:
        _cancel(store, job_id)
    before = audited(job_id)
    assert before.state == ended
    with pytest.raises(JobNotCancellable, match=f"Job {job_id} is {ended}"):
        _cancel(store, job_id)
    assert audited(job_id) == before


def test_a_cancel_leaves_other_jobs_alone(store: Store, audited: Audited) -> None:
    first, second = make_job(store), make_job(store)
    _cancel(store, first)
    assert (audited(second).state, audited(second).documents.pending) == (JobState.QUEUED, 10)
    claim_one(store, chunks_of(store, second)[0], make_worker(store))


def _cancel(store: Store, job_id: int) -> None:
    with store.writing() as connection:
        cancel_job(connection, job_id)
