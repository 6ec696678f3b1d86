"""Gauges: each document and each batch counts once, whatever is removed between two readings."""

from collections import Counter
from dataclasses import replace

from sqlalchemy import delete, update

from qwenq.schemas.chunks import Claim
from qwenq.schemas.measures.answer_seconds import AnswerSeconds
from qwenq.schemas.requests import BatchMetrics
from qwenq.schemas.states import ChunkState, DocumentState, JobState
from qwenq.schemas.tables.core import batches, chunks, jobs
from qwenq.schemas.views.gauges import Gauges
from qwenq.store.database.clock import now
from qwenq.store.database.store import Store
from qwenq.store.life.cancelling import cancel_job
from qwenq.store.life.pausing import pause_job
from qwenq.store.life.rescue import rescue_expired
from qwenq.store.life.retrying import retry_failed
from qwenq.store.outcomes.batches import insert_batches
from qwenq.store.views.monitoring.batches import MOST_BATCHES, SETTLED_SECONDS
from qwenq.store.views.monitoring.gauges import read_gauges
from tests.builders import (
    EXPIRED,
    MODEL,
    answer_all,
    answers,
    chunks_of,
    claim_one,
    failure,
    finish,
    make_job,
    make_worker,
    suspect,
)
from tests.integration.store.conftest import age

BATCH = BatchMetrics(
    4,
    40,
    48,
    20,
    0.5,
    1_000,
    2_000,
    prefix_tokens=7,
    together=3.5,
    answer_seconds=AnswerSeconds([4] + [0] * 12, 0.2),
)


def look(store: Store, after_batch: int | None = None, before: Gauges | None = None) -> Gauges:
    with store.reading() as connection:
        return read_gauges(connection, after_batch, before.rested if before else None)


def measure(
    store: Store, claim: Claim, *measured: BatchMetrics, seconds_ago: float = 2 * SETTLED_SECONDS
) -> None:
    """Write batches of this age."""
    with store.writing() as connection:
        insert_batches(connection, claim, MODEL, measured)
        connection.execute(
            update(batches).where(batches.c.finished_at > now(-1)).values(finished_at=now(-seconds_ago))
        )


def test_an_empty_store_has_empty_gauges(store: Store) -> None:
    found = look(store, 0)
    assert (dict(found.jobs), +Counter(found.documents), +Counter(found.open_documents)) == ({}, {}, {})
    assert (found.waiting, found.workers, found.batches, found.newest_batch) == ({}, (), [], 0)
    assert (found.attempts, found.rescues, found.poison_documents) == (0, 0, 0)


def test_documents_are_counted_by_state_in_all_and_in_open_jobs(store: Store) -> None:
    worker_id = make_worker(store)
    ended = make_job(store, documents=4, bad=(1,))
    answer_all(store, ended, worker_id)
    working = make_job(store, documents=10)
    claim = claim_one(store, chunks_of(store, working)[0], worker_id)
    finish(store, claim, [failure(0), *answers(claim)[1:]])
    claim_one(store, chunks_of(store, working)[1], worker_id)
    cancelled = make_job(store, documents=5)
    with store.writing() as connection:
        cancel_job(connection, cancelled)
    found = look(store)
    assert found.jobs == {JobState.COMPLETED: 1, JobState.RUNNING: 1, JobState.CANCELLED: 1}
    assert +Counter(found.documents) == {
        DocumentState.SUCCEEDED: 6,
        DocumentState.FAILED: 2,
        DocumentState.RUNNING: 4,
        DocumentState.PENDING: 2,
        DocumentState.CANCELLED: 5,
    }
    assert +Counter(found.open_documents) == {
        DocumentState.SUCCEEDED: 3,
        DocumentState.FAILED: 1,
        DocumentState.RUNNING: 4,
        DocumentState.PENDING: 2,
    }
    assert [worker.held[0].documents for worker in found.workers] == [4]


def test_a_reading_with_kept_sums_equals_one_without(store: Store) -> None:
    worker_id = make_worker(store)
    first, second, third, fourth = (make_job(store, documents=5, bad=(1,)) for _ in range(4))
    before = look(store)

    def seen_the_same() -> None:
        nonlocal before
        after, alone = look(store, before=before), look(store)
        assert (after.documents, after.attempts) == (alone.documents, alone.attempts)
        assert after.rested == alone.rested
        before = after

    claim = claim_one(store, chunks_of(store, first)[0], worker_id)
    finish(store, claim, [failure(0), *answers(claim)[1:]])
    for job_id in (first, second):
        answer_all(store, job_id, worker_id)
        seen_the_same()
    claim = claim_one(store, chunks_of(store, third)[0], worker_id)
    with store.writing() as connection:
        cancel_job(connection, third)
    seen_the_same()
    finish(store, claim, answers(claim))
    seen_the_same()
    # One job is retried and ends again, while another one ends.
    with store.writing() as connection:
        retry_failed(connection, first)
    answer_all(store, first, worker_id)
    answer_all(store, fourth, worker_id)
    seen_the_same()
    with store.writing() as connection:
        connection.execute(delete(jobs).where(jobs.c.id == second))
    seen_the_same()


def test_chunks_of_jobs_that_rest_are_not_read_again(store: Store) -> None:
    answer_all(store, make_job(store, documents=4), make_worker(store))
    before = look(store)
    # Change rows unnoticed: only a reading of these chunks would see it.
    with store.writing() as connection:
        connection.execute(update(chunks).values(attempt=50))
    assert look(store, before=before).attempts == 1
    assert look(store).attempts == 50


def test_waiting_work_is_counted_by_model_with_the_age_of_the_oldest(store: Store) -> None:
    age(store, make_job(store, documents=10), 600)
    make_job(store, documents=3, model="other")
    paused = make_job(store, documents=8)
    with store.writing() as connection:
        pause_job(connection, paused)
    found = look(store).waiting
    assert {model: (one.chunks, one.documents) for model, one in found.items()} == {
        MODEL: (3, 10),
        "other": (1, 3),
    }
    assert 600 <= found[MODEL].oldest_seconds < 660
    assert 0 <= found["other"].oldest_seconds < 60


def test_a_chunk_that_was_announced_anew_waits_from_then_on(store: Store) -> None:
    job_id = make_job(store, documents=4)
    age(store, job_id, 600)
    with store.writing() as connection:
        connection.execute(update(chunks).values(published_at=now(-60)))
    assert 60 <= look(store).waiting[MODEL].oldest_seconds < 120


def test_attempts_rescues_and_poison_are_counted(store: Store) -> None:
    job_id = make_job(store, documents=1)
    (chunk_id,) = chunks_of(store, job_id)
    worker_id = make_worker(store)
    claim_one(store, chunk_id, worker_id, EXPIRED)
    with store.writing() as connection:
        rescue_expired(connection, max_crashes=2)
    found = look(store)
    assert (found.attempts, found.rescues, found.poison_documents) == (1, 1, 0)
    suspect(store, chunk_id, crashes=9)
    claim_one(store, chunk_id, worker_id, EXPIRED)
    with store.writing() as connection:
        rescue_expired(connection, max_crashes=2)
    assert chunks_of(store, job_id, ChunkState.DONE) == [chunk_id]
    found = look(store)
    assert (found.attempts, found.rescues, found.poison_documents) == (2, 2, 1)


def test_each_batch_is_read_once_in_order(store: Store) -> None:
    claim = claim_one(store, chunks_of(store, make_job(store))[0], make_worker(store))
    measure(store, claim, BATCH)
    first = look(store, 0)
    assert [(one.model, one.rows, one.together, one.answer_seconds) for one in first.batches] == [
        (MODEL, 4, 3.5, BATCH.answer_seconds)
    ]
    measure(store, claim, replace(BATCH, rows=5), replace(BATCH, rows=6))
    assert [one.rows for one in look(store, first.newest_batch).batches] == [5, 6]
    assert look(store, None).batches == ()


def test_a_batch_is_read_once_no_earlier_one_can_appear(store: Store) -> None:
    claim = claim_one(store, chunks_of(store, make_job(store))[0], make_worker(store))
    measure(store, claim, BATCH)
    measure(store, claim, BATCH, seconds_ago=SETTLED_SECONDS / 2)
    found = look(store, 0)
    assert len(found.batches) == 1
    assert found.newest_batch == found.batches[0].id


def test_a_batch_that_commits_after_a_later_one_is_not_lost(postgres: Store) -> None:
    first, second = (
        claim_one(postgres, chunks_of(postgres, make_job(postgres))[0], make_worker(postgres))
        for _ in range(2)
    )
    with postgres.writing() as slow:
        insert_batches(slow, first, MODEL, [BATCH])
        measure(postgres, second, replace(BATCH, rows=5), seconds_ago=SETTLED_SECONDS / 2)
        reached = look(postgres, 0)
        assert (reached.batches, reached.newest_batch) == ([], 0)
    with postgres.writing() as connection:
        connection.execute(update(batches).values(finished_at=now(-2 * SETTLED_SECONDS)))
    assert [one.rows for one in look(postgres, reached.newest_batch).batches] == [4, 5]


def test_a_long_backlog_of_batches_takes_several_readings(store: Store) -> None:
    claim = claim_one(store, chunks_of(store, make_job(store))[0], make_worker(store))
    many = MOST_BATCHES + 3
    measure(store, claim, *[BATCH] * many)
    first = look(store, 0).batches
    assert len(first) == MOST_BATCHES
    assert len(look(store, first[-1].id).batches) == 3


def test_batches_of_a_removed_job_are_not_read(store: Store) -> None:
    claim = claim_one(store, chunks_of(store, make_job(store))[0], make_worker(store))
    measure(store, claim, BATCH, BATCH)
    assert look(store).newest_batch == 2
    with store.writing() as connection:
        connection.execute(delete(batches).where(batches.c.id == 2))
    assert look(store).newest_batch == 1


def test_a_batch_of_an_older_worker_has_no_answer_seconds(store: Store) -> None:
    claim = claim_one(store, chunks_of(store, make_job(store))[0], make_worker(store))
    measure(store, claim, BATCH)
    with store.writing() as connection:
        connection.execute(update(batches).values(answer_seconds=None))
    assert look(store, 0).batches[0].answer_seconds == AnswerSeconds()
