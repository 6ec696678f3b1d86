"""Announcements: which chunks wait, since when, and for which model."""

import pytest

from qwenq.schemas.chunks import Announcement
from qwenq.schemas.jobs import Priority
from qwenq.schemas.states import JobState
from qwenq.store.database.store import Store
from qwenq.store.life.cancelling import cancel_job
from qwenq.store.life.chunks import mark_announced
from qwenq.store.life.pausing import pause_job
from qwenq.store.views.work.announcements import (
    announced_before,
    count_waiting,
    never_announced,
    unannounced_of_job,
)
from tests.builders import EXPIRED, MODEL, chunks_of, claim_one, finish, make_job, make_worker
from tests.integration.store.conftest import age


def test_chunks_of_a_queued_job_are_unannounced_in_input_order(store: Store) -> None:
    make_job(store)
    job_id = make_job(store, documents=10, priority=Priority.HIGH, model="m")
    with store.reading() as connection:
        assert unannounced_of_job(connection, job_id) == [
            Announcement(chunk_id, "m", "high") for chunk_id in chunks_of(store, job_id)
        ]


def test_an_announced_chunk_is_not_announced_again_by_its_submitter(store: Store) -> None:
    job_id = make_job(store, documents=10)
    first, second, third = chunks_of(store, job_id)
    _mark(store, [first, third])
    with store.reading() as connection:
        assert [notice.chunk_id for notice in unannounced_of_job(connection, job_id)] == [second]


def test_unannounced_chunks_show_only_after_the_grace(store: Store) -> None:
    job_id = make_job(store, documents=10)
    with store.reading() as connection:
        assert never_announced(connection, after_seconds=60) == []
    age(store, job_id, 61)
    assert _never(store) == chunks_of(store, job_id)


def test_chunks_announced_long_ago_show_oldest_first(store: Store) -> None:
    older, newer = make_job(store, documents=4), make_job(store, documents=8)
    for job_id, seconds in ((newer, 100), (older, 200)):
        _mark(store, chunks_of(store, job_id))
        age(store, job_id, seconds)
    with store.reading() as connection:
        found = [notice.chunk_id for notice in announced_before(connection, 50)]
        assert found == chunks_of(store, older) + chunks_of(store, newer)
        assert [notice.chunk_id for notice in announced_before(connection, 150)] == chunks_of(store, older)
        assert announced_before(connection, 300) == []
        assert never_announced(connection, 0) == []


def test_a_chunk_that_is_held_or_done_does_not_wait(store: Store) -> None:
    job_id = make_job(store, documents=16)
    worker_id = make_worker(store)
    age(store, job_id, 60)
    held, lost, done, waiting = chunks_of(store, job_id)
    claim_one(store, held, worker_id)
    claim_one(store, lost, worker_id, EXPIRED)
    finish(store, claim_one(store, done, worker_id))
    assert _never(store) == [waiting]
    with store.reading() as connection:
        assert count_waiting(connection) == {MODEL: 1}


@pytest.mark.parametrize("state", [JobState.VALIDATING, JobState.PAUSED, JobState.CANCELLED])
def test_chunks_of_a_job_that_must_not_run_do_not_wait(store: Store, state: JobState) -> None:
    job_id = make_job(store, released=state != JobState.VALIDATING)
    _mark(store, chunks_of(store, job_id)[:1])
    age(store, job_id, 60)
    with store.writing() as connection:
        if state == JobState.CANCELLED:
            cancel_job(connection, job_id)
        elif state == JobState.PAUSED:
            pause_job(connection, job_id)
    with store.reading() as connection:
        assert never_announced(connection, 0) == announced_before(connection, 0) == []
        assert unannounced_of_job(connection, job_id) == []
        assert count_waiting(connection) == {}


def test_waiting_chunks_are_counted_by_model(store: Store) -> None:
    make_job(store, documents=8, model="a")
    make_job(store, documents=4, model="a")
    make_job(store, documents=4, model="b")
    with store.reading() as connection:
        assert count_waiting(connection) == {"a": 3, "b": 1}


def _mark(store: Store, chunk_ids: list[int]) -> None:
    with store.writing() as connection:
        mark_announced(connection, chunk_ids)


def _never(store: Store) -> list[int]:
    with store.reading() as connection:
        return [notice.chunk_id for notice in never_announced(connection, 5)]
