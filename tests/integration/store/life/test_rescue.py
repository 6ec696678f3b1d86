"""Rescue: chunks of a lost worker are queued again, each once, with one crash more and every outcome kept."""

import pytest
from sqlalchemy import select

from qwenq.schemas.chunks import CRASHES_IN_COMPANY, RescueReport
from qwenq.schemas.states import ChunkState, DocumentState, JobState
from qwenq.schemas.tables.core import chunks, documents
from qwenq.store.database.store import Store
from qwenq.store.life.cancelling import cancel_job
from qwenq.store.life.claims import hold_fence, release_chunk
from qwenq.store.life.rescue import release_held_by, rescue_expired, rescue_held_by
from qwenq.store.views.answers.results import errors_of
from tests.builders import (
    EXPIRED,
    answer,
    answer_all,
    answers,
    chunks_of,
    claim_one,
    failure,
    make_job,
    make_worker,
    suspect,
    write,
)
from tests.integration.store.conftest import Audited


def test_a_chunk_whose_lease_ran_out_waits_again_with_its_outcomes(store: Store, audited: Audited) -> None:
    job_id = make_job(store, documents=4)
    claim = claim_one(store, chunks_of(store, job_id)[0], make_worker(store), EXPIRED)
    write(store, claim, [answer(0), failure(3)])
    assert _rescue(store) == RescueReport(requeued=1)
    assert chunks_of(store, job_id, ChunkState.QUEUED) == [claim.chunk_id]
    assert _crashes(store, job_id) == [1]
    status = audited(job_id)
    assert (status.documents.pending, status.documents.succeeded, status.documents.failed) == (2, 1, 1)


def test_a_chunk_with_a_lease_is_left_alone(store: Store, audited: Audited) -> None:
    job_id = make_job(store, documents=8)
    worker_id = make_worker(store)
    held, lost = chunks_of(store, job_id)
    claim_one(store, held, worker_id)
    claim_one(store, lost, worker_id, EXPIRED)
    assert _rescue(store) == RescueReport(requeued=1)
    assert chunks_of(store, job_id, ChunkState.RUNNING) == [held]
    assert _rescue(store) == RescueReport()
    audited(job_id)


def test_a_chunk_whose_worker_died_after_its_last_outcome_is_done(store: Store, audited: Audited) -> None:
    job_id = make_job(store, documents=4)
    claim = claim_one(store, chunks_of(store, job_id)[0], make_worker(store), EXPIRED)
    write(store, claim, answers(claim))
    assert _rescue(store).found == 0
    assert audited(job_id).state == JobState.COMPLETED


def test_a_chunk_of_a_cancelled_job_is_dropped(store: Store, audited: Audited) -> None:
    job_id = make_job(store, documents=4)
    claim = claim_one(store, chunks_of(store, job_id)[0], make_worker(store), EXPIRED)
    write(store, claim, [answer(0)])
    with store.writing() as connection:
        cancel_job(connection, job_id)
    assert _rescue(store) == RescueReport()
    status = audited(job_id)
    assert (status.documents.succeeded, status.documents.cancelled) == (1, 3)
    assert chunks_of(store, job_id, ChunkState.DONE) == [claim.chunk_id]


def test_a_restarted_worker_rescues_only_its_own_chunks(store: Store, audited: Audited) -> None:
    job_id = make_job(store, documents=16)
    own, other = make_worker(store), make_worker(store)
    first, second, third, fourth = chunks_of(store, job_id)
    claim_one(store, first, own)
    claim_one(store, second, other)
    claim_one(store, third, other, EXPIRED)
    given_back = claim_one(store, fourth, own)
    with store.writing() as connection:
        hold_fence(connection, given_back, None)
        release_chunk(connection, given_back)
        assert rescue_held_by(connection, own, max_crashes=2) == RescueReport(requeued=1)
    assert chunks_of(store, job_id, ChunkState.QUEUED) == [first, fourth]
    assert chunks_of(store, job_id, ChunkState.RUNNING) == [second, third]
    assert _crashes(store, job_id) == [1, 0, 0, 0]
    audited(job_id)


def test_chunks_of_a_stopped_process_wait_again_without_a_crash(store: Store, audited: Audited) -> None:
    job_id, cancelled = make_job(store, documents=12), make_job(store, documents=4)
    own, other = make_worker(store), make_worker(store)
    first, second, third = chunks_of(store, job_id)
    claim_one(store, first, own)
    claim_one(store, second, other)
    write(store, claim_one(store, third, own), [answer(place) for place in range(8, 12)])
    dropped = claim_one(store, chunks_of(store, cancelled)[0], own)
    with store.writing() as connection:
        cancel_job(connection, cancelled)
        assert release_held_by(connection, own) == 3
    assert chunks_of(store, job_id, ChunkState.QUEUED) == [first]
    assert chunks_of(store, job_id, ChunkState.RUNNING) == [second]
    assert chunks_of(store, job_id, ChunkState.DONE) == [third]
    assert chunks_of(store, cancelled, ChunkState.DONE) == [dropped.chunk_id]
    assert _crashes(store, job_id) == [0, 0, 0]
    audited(job_id)
    audited(cancelled)


def test_a_chunk_that_crashed_too_often_is_halved(store: Store, audited: Audited) -> None:
    job_id = make_job(store, documents=8, chunk_documents=8)
    claim = claim_one(store, chunks_of(store, job_id)[0], make_worker(store), EXPIRED)
    write(store, claim, [answer(0), answer(1), failure(2), answer(3), answer(7)])
    suspect(store, claim.chunk_id)
    assert _rescue(store, max_crashes=1) == RescueReport(halved=1)
    assert _ranges(store, job_id) == [(0, 4), (5, 7)]  # 4 | 5, 6 are unfinished
    status = audited(job_id)
    assert (status.documents.pending, status.documents.succeeded, status.documents.failed) == (3, 4, 1)


def test_halves_are_suspects_and_keep_the_age_of_their_chunk(store: Store) -> None:
    job_id = make_job(store, documents=4)
    chunk_id, worker_id = chunks_of(store, job_id)[0], make_worker(store)
    for _ in range(CRASHES_IN_COMPANY + 2):
        claim_one(store, chunk_id, worker_id, EXPIRED)
        assert _rescue(store, max_crashes=2) == RescueReport(requeued=1)
    claim_one(store, chunk_id, worker_id, EXPIRED)
    assert _rescue(store, max_crashes=2) == RescueReport(halved=1)
    assert _crashes(store, job_id) == [CRASHES_IN_COMPANY + 2] * 2
    with store.reading() as connection:
        times = (
            connection.execute(select(chunks.c.created_at).where(chunks.c.job_id == job_id)).scalars().all()
        )
    assert len(set(times)) == 1


def test_a_lone_document_that_crashed_too_often_fails_as_poison(store: Store, audited: Audited) -> None:
    job_id = make_job(store, documents=2)
    claim = claim_one(store, chunks_of(store, job_id)[0], make_worker(store), EXPIRED)
    write(store, claim, [answer(0)])
    suspect(store, claim.chunk_id)
    assert _rescue(store, max_crashes=1) == RescueReport(poisoned=1)
    with store.reading() as connection:
        (error,) = errors_of(connection, job_id)
    assert (error.custom_id, error.error.code) == ("d1", "poison")
    assert "1 times" in error.error.message
    status = audited(job_id)
    assert (status.state, status.documents.failed) == (JobState.COMPLETED, 1)


def test_a_second_crash_makes_a_suspect_and_only_later_ones_count(store: Store) -> None:
    job_id = make_job(store, documents=1)
    claim = claim_one(store, chunks_of(store, job_id)[0], make_worker(store), EXPIRED)
    for suspect_then in (False, True):
        assert _rescue(store, max_crashes=1) == RescueReport(requeued=1)
        assert claim_one(store, claim.chunk_id, claim.worker_id, EXPIRED).suspect is suspect_then
    assert _rescue(store, max_crashes=1) == RescueReport(poisoned=1)


def test_a_document_left_alone_by_halving_is_a_suspect(store: Store) -> None:
    job_id = make_job(store, documents=2)
    claim = claim_one(store, chunks_of(store, job_id)[0], make_worker(store), EXPIRED)
    suspect(store, claim.chunk_id, crashes=CRASHES_IN_COMPANY + 3)
    assert _rescue(store, max_crashes=3) == RescueReport(halved=1)
    assert _crashes(store, job_id) == [CRASHES_IN_COMPANY + 1] * 2


@pytest.mark.parametrize("max_crashes", [1, 3])
def test_a_single_crash_fails_no_document(store: Store, audited: Audited, max_crashes: int) -> None:
    job_id = make_job(store, documents=9)
    worker_id = make_worker(store)
    for chunk_id in chunks_of(store, job_id)[:2]:
        claim_one(store, chunk_id, worker_id, EXPIRED)
    assert _rescue(store, max_crashes).found == 2
    answer_all(store, job_id, worker_id)
    status = audited(job_id)
    assert (status.state, status.documents.succeeded) == (JobState.COMPLETED, 9)


def test_documents_of_rescued_chunks_are_pending(store: Store) -> None:
    job_id = make_job(store, documents=4)
    claim_one(store, chunks_of(store, job_id)[0], make_worker(store), EXPIRED)
    _rescue(store)
    with store.reading() as connection:
        assert set(connection.execute(select(documents.c.state)).scalars()) == {DocumentState.PENDING}


def _rescue(store: Store, max_crashes: int = 2) -> RescueReport:
    with store.writing() as connection:
        return rescue_expired(connection, max_crashes)


def _crashes(store: Store, job_id: int) -> list[int]:
    query = select(chunks.c.crashes).where(chunks.c.job_id == job_id).order_by(chunks.c.first_seq)
    with store.reading() as connection:
        return list(connection.execute(query).scalars())


def _ranges(store: Store, job_id: int) -> list[tuple[int, int]]:
    query = (
        select(chunks.c.first_seq, chunks.c.last_seq)
        .where(chunks.c.job_id == job_id)
        .order_by(chunks.c.first_seq)
    )
    with store.reading() as connection:
        return [(first, last) for first, last in connection.execute(query)]
