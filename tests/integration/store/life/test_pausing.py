"""Pausing: no chunk is claimed, held chunks may end, and `resume` goes on from there."""

import pytest
from sqlalchemy import select, update

from qwenq.schemas.errors import JobNotPausable, JobNotPaused
from qwenq.schemas.settings import Settings
from qwenq.schemas.states import ChunkState, JobState
from qwenq.schemas.tables.core import chunks, jobs
from qwenq.store.broker.broker import Broker
from qwenq.store.broker.reconcile import announce_job, reconcile
from qwenq.store.database.clock import now
from qwenq.store.database.store import Store
from qwenq.store.life.cancelling import cancel_job
from qwenq.store.life.chunks import mark_announced
from qwenq.store.life.claims import claim_chunk, claim_next, hold_fence, release_chunk
from qwenq.store.life.jobs import hold_job
from qwenq.store.life.one_shots import job_to_continue
from qwenq.store.life.pausing import pause_job, resume_job
from qwenq.store.life.rescue import rescue_expired
from qwenq.store.views.work.announcements import count_waiting, never_announced, unannounced_of_job
from qwenq.store.views.work.next_job import NextJob, next_job
from tests.builders import (
    EXPIRED,
    LEASE,
    MODEL,
    answer,
    answer_all,
    chunks_of,
    claim_one,
    finish,
    make_job,
    make_worker,
    write,
)
from tests.integration.store.conftest import Audited, age


@pytest.fixture
def job_id(store: Store) -> int:
    """A job of three chunks."""
    return make_job(store, documents=12)


def test_no_chunk_of_a_paused_job_can_be_claimed(store: Store, job_id: int) -> None:
    worker_id = make_worker(store)
    _pause(store, job_id)
    first, *_ = chunks_of(store, job_id)
    with store.writing() as connection:
        assert claim_chunk(connection, first, MODEL, worker_id, LEASE) is None
        assert claim_next(connection, job_id, 0, worker_id, LEASE) is None
        assert next_job(connection, MODEL, 0) is None
    assert chunks_of(store, job_id, ChunkState.QUEUED) == chunks_of(store, job_id)


def test_a_paused_job_gives_way_to_another(store: Store, job_id: int) -> None:
    other = make_job(store)
    _pause(store, job_id)
    with store.reading() as connection:
        assert next_job(connection, MODEL, 0) == NextJob(other, crashes=0)


@pytest.mark.parametrize("begun", [False, True], ids=["queued", "running"])
def test_a_resumed_job_returns_to_its_state_and_completes(
    store: Store, audited: Audited, job_id: int, *, begun: bool
) -> None:
    worker_id = make_worker(store)
    if begun:
        finish(store, claim_one(store, chunks_of(store, job_id)[0], worker_id))
    before = audited(job_id)
    _pause(store, job_id)
    assert audited(job_id).state == JobState.PAUSED
    _resume(store, job_id)
    assert audited(job_id).state == before.state == (JobState.RUNNING if begun else JobState.QUEUED)
    answer_all(store, job_id, worker_id)
    assert (audited(job_id).state, audited(job_id).documents.succeeded) == (JobState.COMPLETED, 12)


def test_a_paused_job_whose_last_documents_were_in_flight_ends(store: Store, audited: Audited) -> None:
    job_id = make_job(store, documents=4)
    claim = claim_one(store, chunks_of(store, job_id)[0], make_worker(store))
    _pause(store, job_id)
    assert finish(store, claim) == JobState.COMPLETED
    assert audited(job_id).finished_at is not None


def test_a_pause_lets_held_chunks_finish_and_stops_the_rest(
    store: Store, audited: Audited, job_id: int
) -> None:
    claim = claim_one(store, chunks_of(store, job_id)[0], make_worker(store))
    _pause(store, job_id)
    write(store, claim, [answer(0)], LEASE)
    assert finish(store, claim, [answer(seq) for seq in range(1, 4)]) is None
    status = audited(job_id)
    assert (status.state, status.documents.succeeded, status.documents.pending) == (JobState.PAUSED, 4, 8)


def test_a_released_or_rescued_chunk_of_a_paused_job_stays_unclaimable(
    store: Store, audited: Audited, job_id: int
) -> None:
    worker_id = make_worker(store)
    given_back, expired, _ = chunks_of(store, job_id)
    claim = claim_one(store, given_back, worker_id)
    claim_one(store, expired, worker_id, EXPIRED)
    _pause(store, job_id)
    with store.writing() as connection:
        hold_fence(connection, claim, None)
        release_chunk(connection, claim)
    with store.writing() as connection:
        assert rescue_expired(connection, max_crashes=2).requeued == 1
    status = audited(job_id)
    assert (status.state, status.documents.pending) == (JobState.PAUSED, 12)
    with store.writing() as connection:
        assert claim_chunk(connection, given_back, MODEL, worker_id, LEASE) is None


def test_a_paused_job_can_be_cancelled(store: Store, audited: Audited, job_id: int) -> None:
    _pause(store, job_id)
    with store.writing() as connection:
        cancel_job(connection, job_id)
    status = audited(job_id)
    assert (status.state, status.documents.cancelled) == (JobState.CANCELLED, 12)


def test_the_time_of_a_pause_is_left_out_of_the_speed(store: Store, audited: Audited, job_id: int) -> None:
    """Ten seconds of work, a pause of an hour, ten seconds of work: the speed is that of twenty seconds."""
    worker_id = make_worker(store)
    finish(store, claim_one(store, chunks_of(store, job_id)[0], worker_id))
    _pause(store, job_id)
    with store.writing() as connection:
        connection.execute(update(jobs).values(started_at=now(-3610.0), idle_since=now(-3600.0)))
    assert audited(job_id).tokens_per_second == pytest.approx(
        audited(job_id).usage.completion_tokens / 10, 0.01
    )
    _resume(store, job_id)
    with store.writing() as connection:
        connection.execute(update(jobs).values(started_at=now(-3620.0)))
    answer_all(store, job_id, worker_id)
    status = audited(job_id)
    assert status.tokens_per_second == pytest.approx(status.usage.completion_tokens / 20, 0.05)


@pytest.mark.parametrize(
    "state", [JobState.VALIDATING, JobState.PAUSED, JobState.COMPLETED, JobState.CANCELLED]
)
def test_a_job_that_is_neither_queued_nor_running_cannot_be_paused(
    store: Store, audited: Audited, state: JobState
) -> None:
    job_id = _job_in(store, state)
    before = audited(job_id)
    with pytest.raises(JobNotPausable, match=f"is {state}: only"):
        _pause(store, job_id)
    assert audited(job_id) == before


@pytest.mark.parametrize(
    "state", [JobState.VALIDATING, JobState.QUEUED, JobState.COMPLETED, JobState.CANCELLED]
)
def test_a_job_that_is_not_paused_cannot_be_resumed(store: Store, audited: Audited, state: JobState) -> None:
    job_id = _job_in(store, state)
    before = audited(job_id)
    with pytest.raises(JobNotPaused, match=f"is {state}, not paused"):
        _resume(store, job_id)
    assert audited(job_id) == before


def test_a_paused_job_is_not_announced_and_a_resumed_one_is_at_once(
    store: Store, broker: Broker, settings: Settings, job_id: int
) -> None:
    with store.writing() as connection:
        mark_announced(connection, chunks_of(store, job_id)[:1])
    age(store, job_id, 3600)
    _pause(store, job_id)
    for _ in range(2):
        reconcile(store, broker, settings)
    assert broker.depth(MODEL) == 0
    with store.reading() as connection:
        assert (count_waiting(connection), never_announced(connection, 0.0)) == ({}, [])
    _resume(store, job_id)
    announce_job(store, broker, job_id)
    assert broker.depth(MODEL) == 3
    with store.reading() as connection:
        assert unannounced_of_job(connection, job_id) == []


def test_pause_and_resume_leave_other_jobs_alone(store: Store, job_id: int) -> None:
    other = make_job(store)
    with store.writing() as connection:
        mark_announced(connection, chunks_of(store, other))
    _pause(store, job_id)
    with store.reading() as connection:
        assert hold_job(connection, other) == JobState.QUEUED
    _resume(store, job_id)
    with store.reading() as connection:
        assert unannounced_of_job(connection, other) == []
        assert len(unannounced_of_job(connection, job_id)) == 3


def test_a_one_shot_goes_on_with_a_paused_job(store: Store, job_id: int) -> None:
    with store.writing() as connection:
        connection.execute(update(jobs).where(jobs.c.id == job_id).values(run_key="key"))
        pause_job(connection, job_id)
        assert job_to_continue(connection, "key") == job_id


def test_a_chunk_of_a_paused_job_keeps_its_lease(store: Store, job_id: int) -> None:
    claim = claim_one(store, chunks_of(store, job_id)[0], make_worker(store))
    _pause(store, job_id)
    with store.writing() as connection:
        hold_fence(connection, claim, LEASE)
        assert rescue_expired(connection, max_crashes=2).found == 0
        state = connection.execute(select(chunks.c.state).where(chunks.c.id == claim.chunk_id)).scalar_one()
    assert state == ChunkState.RUNNING


def _pause(store: Store, job_id: int) -> None:
    with store.writing() as connection:
        pause_job(connection, job_id)


def _resume(store: Store, job_id: int) -> None:
    with store.writing() as connection:
        resume_job(connection, job_id)


def _job_in(store: Store, state: JobState) -> int:
    job_id = make_job(store, documents=4, released=state != JobState.VALIDATING)
    match state:
        case JobState.PAUSED:
            _pause(store, job_id)
        case JobState.COMPLETED:
            answer_all(store, job_id, make_worker(store))
        case JobState.CANCELLED:
            with store.writing() as connection:
                cancel_job(connection, job_id)
    return job_id
