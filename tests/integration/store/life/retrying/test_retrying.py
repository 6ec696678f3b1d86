"""Retrying: only failed documents run again; earlier rounds cannot write."""

from dataclasses import replace

import pytest
from sqlalchemy import update

from qwenq.schemas.documents import BadRow
from qwenq.schemas.errors import InvalidOverride, InvalidParameter, LeaseLost
from qwenq.schemas.results import Usage
from qwenq.schemas.states import ChunkState, JobState
from qwenq.schemas.tables.core import chunks, jobs
from qwenq.store.database.clock import now
from qwenq.store.database.store import Store
from qwenq.store.life.claims import hold_fence
from qwenq.store.life.rescue import POISON, rescue_expired
from qwenq.store.life.retrying import retry_failed
from qwenq.store.views.answers.results import errors_of
from qwenq.store.views.jobs.details import job_details
from qwenq.store.views.work.announcements import unannounced_of_job
from tests.builders import (
    EXPIRED,
    LEASE,
    answer,
    answer_all,
    chunks_of,
    claim_one,
    failure,
    finish,
    make_job,
    row,
    store_job,
    write,
)
from tests.integration.store.conftest import Audited
from tests.integration.store.life.retrying.conftest import answer_again, claim_waiting, retry, texts, try_next


def test_failed_documents_wait_again_and_nothing_else_does(
    store: Store, audited: Audited, job_id: int, worker_id: int
) -> None:
    ended = audited(job_id)
    assert (ended.state, ended.documents.failed) == (JobState.COMPLETED, 4)
    before = texts(store, job_id)
    assert retry(store, job_id) == 3
    status = audited(job_id)
    assert (status.state, status.documents.pending, status.documents.failed) == (JobState.QUEUED, 3, 1)
    assert status.finished_at is None
    assert answer_again(store, job_id, worker_id) == {1, 2, 5}
    again = audited(job_id)
    assert (again.state, again.documents.succeeded, again.documents.failed) == (JobState.COMPLETED, 11, 1)
    assert ended.finished_at is not None
    assert again.finished_at is not None
    assert again.finished_at > ended.finished_at
    after = texts(store, job_id)
    assert {seq: after[seq] for seq in before} == before


def test_a_retry_with_codes_runs_only_failures_with_these_codes(
    store: Store, audited: Audited, job_id: int, worker_id: int
) -> None:
    assert retry(store, job_id, "too_long", "never_seen") == 1
    assert answer_again(store, job_id, worker_id) == {1}
    assert retry(store, job_id, POISON) == 2
    assert answer_again(store, job_id, worker_id) == {2, 5}
    assert (audited(job_id).documents.failed, audited(job_id).state) == (1, JobState.COMPLETED)


def test_a_retried_poison_document_runs_alone(
    store: Store, audited: Audited, job_id: int, worker_id: int
) -> None:
    retry(store, job_id)
    audited(job_id)
    claims = [claim_waiting(store, job_id, worker_id) for _ in range(3)]
    assert [(claim.first_seq, claim.last_seq, claim.suspect) for claim in claims] == [
        (0, 1, False), (2, 2, True), (5, 5, True),
    ]  # fmt: skip


def test_a_retried_poison_document_gets_all_its_chances_and_fails_alone(
    store: Store, audited: Audited, job_id: int, worker_id: int
) -> None:
    retry(store, job_id)
    crashes = 0
    while claim := try_next(store, job_id, worker_id):
        if claim.first_seq != 2:
            finish(store, claim)
            continue
        crashes += 1
        with store.writing() as connection:
            hold_fence(connection, claim, EXPIRED)
            assert rescue_expired(connection, max_crashes=2).found == 1
    assert crashes == 2
    assert audited(job_id).documents.failed == 2
    with store.reading() as connection:
        (poison, _) = errors_of(connection, job_id)
    assert (poison.custom_id, poison.error.code, poison.attempts) == ("d2", POISON, 2)


def test_a_worker_of_an_earlier_round_can_write_nothing(
    store: Store, audited: Audited, worker_id: int
) -> None:
    job_id = make_job(store, documents=4)
    zombie = claim_one(store, chunks_of(store, job_id)[0], worker_id, EXPIRED)
    with store.writing() as connection:
        assert rescue_expired(connection, max_crashes=2).requeued == 1
    ended = claim_one(store, zombie.chunk_id, worker_id)
    finish(store, ended, [answer(0), answer(1), failure(2), failure(3)])
    retry(store, job_id)
    for stale in (zombie, ended):
        with pytest.raises(LeaseLost):
            write(store, stale, [answer(2, "stale")])
    again = claim_one(store, zombie.chunk_id, worker_id)
    for stale in (zombie, ended):
        with pytest.raises(LeaseLost):
            write(store, stale, [answer(2, "stale")], LEASE)
    finish(store, again, [answer(2, "fresh"), answer(3, "fresh")])
    assert audited(job_id).documents.succeeded == 4
    assert list(texts(store, job_id).values()) == ["answer 0", "answer 1", "fresh", "fresh"]


def test_a_failed_job_completes_when_its_retry_succeeds(
    store: Store, audited: Audited, worker_id: int
) -> None:
    job_id = make_job(store, documents=2)
    finish(store, claim_waiting(store, job_id, worker_id), [failure(0), failure(1)])
    assert audited(job_id).state == JobState.FAILED
    retry(store, job_id)
    answer_all(store, job_id, worker_id)
    assert audited(job_id).state == JobState.COMPLETED


def test_a_retry_announces_only_the_chunks_that_wait_again(store: Store, job_id: int) -> None:
    with store.writing() as connection:
        connection.execute(update(chunks).values(published_at=now()))
    retry(store, job_id, "too_long")
    with store.reading() as connection:
        assert [notice.chunk_id for notice in unannounced_of_job(connection, job_id)] == chunks_of(
            store, job_id, ChunkState.QUEUED
        )
    assert len(chunks_of(store, job_id, ChunkState.QUEUED)) == 1


def test_the_time_between_two_rounds_is_left_out_of_the_speed(
    store: Store, audited: Audited, worker_id: int
) -> None:
    """1,000 seconds of work, an hour until the retry and its first claim, 1,000 seconds of work."""
    job_id = make_job(store, documents=2)
    long = replace(answer(0), usage=Usage(10, completion_tokens=1_000))
    finish(store, claim_waiting(store, job_id, worker_id), [long, failure(1)])
    with store.writing() as connection:
        connection.execute(update(jobs).values(started_at=now(-4600.0), finished_at=now(-3600.0)))
    before = audited(job_id)
    retry(store, job_id)
    assert audited(job_id).tokens_per_second == before.tokens_per_second
    claim = claim_waiting(store, job_id, worker_id)
    with store.writing() as connection:
        connection.execute(update(jobs).values(started_at=now(-5600.0)))
    finish(store, claim, [answer(1)])
    status = audited(job_id)
    assert status.tokens_per_second == pytest.approx(status.usage.completion_tokens / 2_000, 0.05)


def test_a_bad_row_never_runs_whatever_its_code(store: Store, audited: Audited, worker_id: int) -> None:
    """The same code also stands for documents that failed in a worker, and those do run again."""
    code = InvalidOverride.code
    job_id = store_job(store, [row(0), BadRow(0, 2, "{}", "no such parameter", code)])
    finish(store, claim_waiting(store, job_id, worker_id), [failure(0, code)])
    assert retry(store, job_id, code) == 1
    assert answer_again(store, job_id, worker_id) == {0}
    assert (audited(job_id).documents.succeeded, audited(job_id).documents.failed) == (1, 1)


def test_a_retry_with_more_tokens_gives_the_job_another_limit(store: Store, job_id: int) -> None:
    with pytest.raises(InvalidParameter, match="max_new_tokens"), store.writing() as connection:
        retry_failed(connection, job_id, max_new_tokens=0)
    with store.writing() as connection:
        before = job_details(connection, job_id)
        retry_failed(connection, job_id, max_new_tokens=8_192)
        after = job_details(connection, job_id)
    assert before is not None
    assert after is not None
    assert after.params == before.params.overlaid({"max_new_tokens": 8_192})
