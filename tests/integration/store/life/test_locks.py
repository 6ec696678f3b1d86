"""Concurrent writers on PostgreSQL: none deadlocks, and nothing is lost."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Connection, select, update

from qwenq.schemas.chunks import Claim
from qwenq.schemas.requests import BatchMetrics
from qwenq.schemas.states import ChunkState, DocumentState, JobState
from qwenq.schemas.tables.core import chunks, documents, jobs
from qwenq.store.database.store import Store
from qwenq.store.life import claims
from qwenq.store.life.cancelling import cancel_job
from qwenq.store.life.chunks import mark_announced
from qwenq.store.life.rescue import rescue_expired
from qwenq.store.outcomes.batches import insert_batches
from qwenq.store.outcomes.outcome_rows import OutcomeRows
from qwenq.store.outcomes.outcomes import insert_outcomes
from tests.builders import EXPIRED, MODEL, answers, chunks_of, claim_one, finish, make_job, make_worker, write
from tests.integration.store.conftest import audited_status, wait_until_blocked

METRICS = BatchMetrics(4, 40, 48, 20, 0.5, 1_000, 0)


def test_two_workers_that_finish_the_last_two_chunks_at_once_complete_the_job(postgres: Store) -> None:
    job_id = make_job(postgres, documents=8)
    held = [claim_one(postgres, chunk_id, make_worker(postgres)) for chunk_id in chunks_of(postgres, job_id)]
    both_written = threading.Barrier(len(held), timeout=30)

    def finish(claim: Claim) -> JobState | None:
        with postgres.writing() as connection:
            claims.hold_fence(connection, claim, None)
            insert_outcomes(connection, claim, OutcomeRows.of(answers(claim)))
            insert_batches(connection, claim, MODEL, [METRICS])
            both_written.wait()
            return claims.finish_chunk(connection, claim)

    with ThreadPoolExecutor() as threads:
        ended = list(threads.map(finish, held))
    assert sorted(ended, key=str) == [None, JobState.COMPLETED]
    assert audited_status(postgres, job_id).state == JobState.COMPLETED


@pytest.mark.parametrize("started", [False, True], ids=["first claim", "later claim"])
@pytest.mark.parametrize("held", ["jobs", "documents"])
def test_a_claim_beside_a_cancel_does_not_deadlock(postgres: Store, held: str, started: bool) -> None:
    job_id = make_job(postgres, documents=12)
    worker_id = make_worker(postgres)
    first, second, third = chunks_of(postgres, job_id)
    if started:
        claim_one(postgres, first, worker_id)

    def claim() -> Claim | None:
        with postgres.writing() as connection:
            return claims.claim_chunk(connection, third, MODEL, worker_id, 60)

    def cancel() -> None:
        with postgres.writing() as connection:
            cancel_job(connection, job_id)

    with ThreadPoolExecutor() as threads:
        with postgres.writing() as connection:
            _hold(connection, held, job_id)
            cancelling = threads.submit(cancel)
            wait_until_blocked(postgres, cancelling)
            claiming = threads.submit(claim)
            wait_until_blocked(postgres, cancelling, claiming)
        cancelling.result(30)
        claim_or_none = claiming.result(30)
    status = audited_status(postgres, job_id)
    assert status.state == JobState.CANCELLED
    assert (third in chunks_of(postgres, job_id, ChunkState.RUNNING)) == (claim_or_none is not None)
    assert chunks_of(postgres, job_id, ChunkState.QUEUED) == []
    assert second in chunks_of(postgres, job_id, ChunkState.DONE)


def _hold(connection: Connection, table: str, job_id: int) -> None:
    """Keep a cancel waiting: at its first step, or at the documents of the job's second chunk."""
    if table == "jobs":
        connection.execute(update(jobs).where(jobs.c.id == job_id).values(name="held"))
    else:
        connection.execute(
            select(documents.c.seq)
            .where(documents.c.job_id == job_id, documents.c.seq == 5)
            .with_for_update()
        )


@pytest.mark.parametrize("rescued", [False, True], ids=["given back", "rescued"])
def test_a_chunk_released_or_rescued_beside_a_cancel_is_cancelled(postgres: Store, rescued: bool) -> None:
    job_id = make_job(postgres, documents=4)
    claim = claim_one(postgres, chunks_of(postgres, job_id)[0], make_worker(postgres), EXPIRED)
    write(postgres, claim, answers(claim)[:1])

    def put_back() -> None:
        with postgres.writing() as connection:
            if rescued:
                rescue_expired(connection, max_crashes=1)
            else:
                claims.hold_fence(connection, claim, None)
                claims.release_chunk(connection, claim)

    with ThreadPoolExecutor() as threads:
        with postgres.writing() as connection:
            cancel_job(connection, job_id)
            putting_back = threads.submit(put_back)
            wait_until_blocked(postgres, putting_back)
        putting_back.result(30)
    status = audited_status(postgres, job_id)
    assert status.documents.model_dump(exclude_defaults=True) == {"total": 4, "succeeded": 1, "cancelled": 3}
    assert chunks_of(postgres, job_id) == chunks_of(postgres, job_id, ChunkState.DONE)


def test_a_cancel_beside_a_release_cancels_the_released_chunk(postgres: Store) -> None:
    job_id = make_job(postgres, documents=4)
    claim = claim_one(postgres, chunks_of(postgres, job_id)[0], make_worker(postgres))

    def cancel() -> None:
        with postgres.writing() as connection:
            cancel_job(connection, job_id)

    with ThreadPoolExecutor() as threads:
        with postgres.writing() as connection:
            claims.hold_fence(connection, claim, None)
            claims.release_chunk(connection, claim)
            cancelling = threads.submit(cancel)
            wait_until_blocked(postgres, cancelling)
        cancelling.result(30)
    status = audited_status(postgres, job_id)
    assert (status.state, status.documents.cancelled) == (JobState.CANCELLED, 4)


def test_two_chunks_that_end_at_once_end_their_job(
    postgres: Store,
) -> None:
    job_id = make_job(postgres, documents=8)
    first, second = chunks_of(postgres, job_id)
    claim = claim_one(postgres, first, make_worker(postgres))
    other = make_worker(postgres, name="other")

    with ThreadPoolExecutor() as threads:
        with postgres.writing() as connection:
            claims.hold_fence(connection, claim, None)
            insert_outcomes(connection, claim, OutcomeRows.of(answers(claim)))
            assert claims.finish_chunk(connection, claim) is None
            ending = threads.submit(lambda: finish(postgres, claim_one(postgres, second, other)))
            wait_until_blocked(postgres, ending)
        assert ending.result(30) == JobState.COMPLETED
    assert audited_status(postgres, job_id).state == JobState.COMPLETED


def test_concurrent_rescuers_rescue_each_chunk_once(store: Store) -> None:
    job_id = make_job(store, documents=24)
    worker_id = make_worker(store)
    for chunk_id in chunks_of(store, job_id):
        claim_one(store, chunk_id, worker_id, EXPIRED)
    together = threading.Barrier(6, timeout=30)

    def rescue(_: int) -> int:
        together.wait()
        with store.writing() as connection:
            return rescue_expired(connection, max_crashes=5).requeued

    with ThreadPoolExecutor(6) as threads:
        assert sum(threads.map(rescue, range(6))) == 6
    with store.reading() as connection:
        assert set(connection.execute(select(chunks.c.crashes)).scalars()) == {1}
        assert set(connection.execute(select(documents.c.state)).scalars()) == {DocumentState.PENDING}
    audited_status(store, job_id)


def test_marking_announced_skips_locked_chunks(postgres: Store) -> None:
    held, free = chunks_of(postgres, make_job(postgres, documents=8))
    with postgres.writing() as holder:
        holder.execute(select(chunks.c.id).where(chunks.c.id == held).with_for_update())
        with postgres.writing() as connection:
            mark_announced(connection, [held, free])
    with postgres.reading() as connection:
        published = connection.execute(select(chunks.c.id).where(chunks.c.published_at.is_not(None)))
        assert published.scalars().all() == [free]
