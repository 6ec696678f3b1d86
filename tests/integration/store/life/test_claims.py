"""Claims: one worker at a time holds a chunk, and only what may be answered can be held."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Row, select, update

from qwenq.schemas.chunks import Claim
from qwenq.schemas.states import ChunkState, JobState, WorkerState
from qwenq.schemas.tables.core import chunks, documents
from qwenq.store.conditions import document_state
from qwenq.store.database.store import Store
from qwenq.store.life.cancelling import cancel_job
from qwenq.store.life.claims import claim_chunk, finish_chunk, hold_fence, release_chunk
from qwenq.store.life.pausing import pause_job
from qwenq.store.life.rescue import rescue_expired
from qwenq.store.life.workers import note_stopping
from tests.builders import (
    LEASE,
    MODEL,
    answer,
    chunks_of,
    claim_one,
    failure,
    finish,
    make_job,
    make_worker,
    write,
)
from tests.integration.store.conftest import Audited

CLAIMANTS = 8


def test_one_of_many_concurrent_claims_gets_the_chunk(store: Store, audited: Audited) -> None:
    job_id = make_job(store, documents=4)
    chunk_id = chunks_of(store, job_id)[0]
    claimants = [make_worker(store) for _ in range(CLAIMANTS)]
    together = threading.Barrier(CLAIMANTS, timeout=30)

    def claim(worker_id: int) -> Claim | None:
        together.wait()
        return _claim(store, chunk_id, worker_id)

    with ThreadPoolExecutor(CLAIMANTS) as threads:
        won = [claim for claim in threads.map(claim, claimants) if claim]
    assert len(won) == 1
    assert won[0].attempt == 1
    assert _chunk(store, chunk_id).worker_id == won[0].worker_id
    assert audited(job_id).documents.running == 4


def test_concurrent_claims_of_different_chunks_all_succeed(store: Store, audited: Audited) -> None:
    job_id = make_job(store, documents=4 * CLAIMANTS)
    worker_id = make_worker(store)
    together = threading.Barrier(CLAIMANTS, timeout=30)

    def claim(chunk_id: int) -> Claim | None:
        together.wait()
        return _claim(store, chunk_id, worker_id)

    with ThreadPoolExecutor(CLAIMANTS) as threads:
        assert all(threads.map(claim, chunks_of(store, job_id)))
    assert audited(job_id).documents.running == 4 * CLAIMANTS


def test_a_claim_says_what_it_holds_and_starts_the_job(store: Store, audited: Audited) -> None:
    job_id = make_job(store, documents=10)
    worker_id = make_worker(store)
    second = chunks_of(store, job_id)[1]
    assert _claim(store, second, worker_id) == Claim(second, job_id, 1, worker_id, 4, 7)
    assert audited(job_id).state == JobState.RUNNING


def test_a_worker_with_another_model_cannot_claim_the_chunk(store: Store, audited: Audited) -> None:
    job_id = make_job(store)
    chunk_id = chunks_of(store, job_id)[0]
    assert _claim(store, chunk_id, make_worker(store), model="Qwen/Qwen3-8B") is None
    assert (audited(job_id).state, audited(job_id).documents.pending) == (JobState.QUEUED, 10)


def test_a_held_done_or_missing_chunk_cannot_be_claimed(store: Store) -> None:
    job_id = make_job(store, documents=4)
    worker_id = make_worker(store)
    chunk_id = chunks_of(store, job_id)[0]
    claim = claim_one(store, chunk_id, worker_id)
    assert _claim(store, chunk_id, worker_id) is None
    finish(store, claim)
    assert _claim(store, chunk_id, worker_id) is None
    assert _claim(store, 4711, worker_id) is None


@pytest.mark.parametrize("state", [JobState.VALIDATING, JobState.PAUSED, JobState.CANCELLED])
def test_a_chunk_of_a_job_that_must_not_run_cannot_be_claimed(
    store: Store, audited: Audited, state: JobState
) -> None:
    job_id = make_job(store, released=state != JobState.VALIDATING)
    with store.writing() as connection:
        if state == JobState.CANCELLED:
            cancel_job(connection, job_id)
        elif state == JobState.PAUSED:
            pause_job(connection, job_id)
    assert _claim(store, chunks_of(store, job_id)[0], make_worker(store)) is None
    assert (audited(job_id).state, audited(job_id).documents.running) == (state, 0)


def test_each_claim_is_a_new_attempt_whatever_ended_the_one_before(store: Store) -> None:
    chunk_id = chunks_of(store, make_job(store, documents=4))[0]
    worker_id = make_worker(store)
    first = claim_one(store, chunk_id, worker_id)
    with store.writing() as connection:
        hold_fence(connection, first, -1)
        rescue_expired(connection, max_crashes=5)
    second = claim_one(store, chunk_id, worker_id)
    with store.writing() as connection:
        hold_fence(connection, second, None)
        release_chunk(connection, second)
    third = claim_one(store, chunk_id, worker_id)
    assert [claim.attempt for claim in (first, second, third)] == [1, 2, 3]


def test_a_released_chunk_keeps_its_outcomes_and_counts_no_crash(store: Store, audited: Audited) -> None:
    job_id = make_job(store, documents=4)
    chunk_id = chunks_of(store, job_id)[0]
    claim = claim_one(store, chunk_id, make_worker(store))
    with store.writing() as connection:
        connection.execute(update(chunks).values(published_at=chunks.c.created_at))
    write(store, claim, [answer(1), failure(2)])
    with store.writing() as connection:
        hold_fence(connection, claim, None)
        release_chunk(connection, claim)
    left = _chunk(store, chunk_id)
    assert (left.state, left.crashes, left.worker_id) == (ChunkState.QUEUED, 0, None)
    assert (left.lease_expires_at, left.published_at) == (None, None)
    assert _states(store, job_id) == ["pending", "succeeded", "failed", "pending"]
    audited(job_id)


def test_a_finished_chunk_is_done_for_good(store: Store, audited: Audited) -> None:
    job_id = make_job(store, documents=8)
    claim = claim_one(store, chunks_of(store, job_id)[0], make_worker(store))
    with store.writing() as connection:
        assert hold_fence(connection, claim, None).unfinished == 4
    assert finish(store, claim) is None
    done = _chunk(store, claim.chunk_id)
    assert (done.state, done.lease_expires_at) == (ChunkState.DONE, None)
    assert done.finished_at is not None
    assert audited(job_id).documents.succeeded == 4


def test_a_chunk_with_an_unanswered_document_cannot_be_closed(store: Store) -> None:
    """A CHECK constraint forbids it: a worker's mistake may cost time, never a document."""
    from sqlalchemy.exc import IntegrityError

    claim = claim_one(store, chunks_of(store, make_job(store, documents=4))[0], make_worker(store))
    with pytest.raises(IntegrityError, match="done_is_complete"), store.writing() as connection:
        finish_chunk(connection, claim)


def test_a_renewal_returns_the_states_of_job_and_worker(store: Store) -> None:
    job_id = make_job(store)
    worker_id = make_worker(store)
    make_worker(store)
    make_job(store)
    claim = claim_one(store, chunks_of(store, job_id)[0], worker_id)
    with store.writing() as connection:
        standing = hold_fence(connection, claim, None)
        assert (standing.job, standing.worker) == (JobState.RUNNING, WorkerState.READY)
        note_stopping(connection, worker_id)
        cancel_job(connection, job_id)
        standing = hold_fence(connection, claim, None)
        assert (standing.job, standing.worker) == (JobState.CANCELLED, WorkerState.STOPPING)


def _claim(store: Store, chunk_id: int, worker_id: int, model: str = MODEL) -> Claim | None:
    with store.writing() as connection:
        return claim_chunk(connection, chunk_id, model, worker_id, LEASE)


def _chunk(store: Store, chunk_id: int) -> Row[*tuple[object, ...]]:
    with store.reading() as connection:
        return connection.execute(select(chunks).where(chunks.c.id == chunk_id)).one()


def _states(store: Store, job_id: int) -> list[str]:
    query = select(document_state()).where(documents.c.job_id == job_id).order_by(documents.c.seq)
    with store.reading() as connection:
        return list(connection.execute(query).scalars())
