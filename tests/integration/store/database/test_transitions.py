"""A transition is logged once, with its ids, after its commit."""

import logging
from collections.abc import Callable, Iterator
from logging.handlers import BufferingHandler

import pytest

from qwenq.schemas.log.events import Event
from qwenq.store.database.store import Store
from qwenq.store.life.cancelling import cancel_job
from qwenq.store.life.claims import hold_fence, release_chunk
from qwenq.store.life.half_jobs import hold_ended
from qwenq.store.life.pausing import pause_job, resume_job
from qwenq.store.life.removal import remove
from qwenq.store.life.rescue import rescue_expired
from qwenq.store.life.retrying import retry_failed
from tests.builders import EXPIRED, chunks_of, claim_one, failure, finish, make_job, make_worker, suspect

Told = Callable[[], list[str]]


@pytest.fixture
def records(caplog: pytest.LogCaptureFixture) -> Iterator[list[logging.LogRecord]]:
    handler = BufferingHandler(capacity=1_000)
    log = logging.getLogger("qwenq.store")
    log.addHandler(handler)
    with caplog.at_level(logging.INFO, log.name):
        yield handler.buffer
    log.removeHandler(handler)


@pytest.fixture
def told(records: list[logging.LogRecord]) -> Told:
    """The events since the last call."""

    def told() -> list[str]:
        events = [str(record.msg) for record in records if isinstance(record.msg, Event)]
        records.clear()
        return events

    return told


def test_the_transitions_of_a_jobs_life_are_logged(store: Store, told: Told) -> None:
    job_id, worker_id = make_job(store, documents=1), make_worker(store)
    assert told() == ["job.submitted", "worker.starting", "worker.ready"]
    with store.writing() as connection:
        pause_job(connection, job_id)
        resume_job(connection, job_id)
        assert told() == []
    assert told() == ["job.paused", "job.resumed"]
    claim = claim_one(store, chunks_of(store, job_id)[0], worker_id)
    assert told() == ["job.started", "chunk.claimed"]
    with store.writing() as connection:
        hold_fence(connection, claim, None)
        release_chunk(connection, claim)
    assert told() == ["chunk.released"]
    finish(store, claim_one(store, claim.chunk_id, worker_id), [failure(0)])
    assert told() == ["chunk.claimed", "chunk.finished", "job.failed"]
    with store.writing() as connection:
        retry_failed(connection, job_id)
    finish(store, claim_one(store, claim.chunk_id, worker_id))
    assert told() == ["job.retried", "job.started", "chunk.claimed", "chunk.finished", "job.completed"]
    with store.writing() as connection:
        half = hold_ended(connection, job_id, 0.0, 60.0)
    assert half is not None
    remove(store, half)
    assert told() == ["job.pruned"]


def test_halving_and_poison_are_logged(store: Store, told: Told) -> None:
    job_id, worker_id = make_job(store, documents=2), make_worker(store)
    (chunk_id,) = chunks_of(store, job_id)
    told()
    suspect(store, chunk_id, 2)
    claim_one(store, chunk_id, worker_id, EXPIRED)
    with store.writing() as connection:
        rescue_expired(connection, max_crashes=1)
    assert told() == ["job.started", "chunk.claimed", "chunk.rescued", "chunk.halved"]
    claim_one(store, chunk_id, worker_id, EXPIRED)
    with store.writing() as connection:
        rescue_expired(connection, max_crashes=1)
    assert told() == ["chunk.claimed", "chunk.poisoned", "chunk.finished"]
    with store.writing() as connection:
        cancel_job(connection, job_id)
    assert told() == ["job.cancelled"]


def test_transitions_that_are_rolled_back_are_not_logged(store: Store, told: Told) -> None:
    job_id = make_job(store)
    told()
    with pytest.raises(RuntimeError, match="roll back"), store.writing() as connection:
        pause_job(connection, job_id)
        raise RuntimeError("roll back")
    make_worker(store)
    assert told() == ["worker.starting", "worker.ready"]


def test_a_transition_comes_with_its_ids(store: Store, records: list[logging.LogRecord]) -> None:
    claim = claim_one(store, chunks_of(store, make_job(store))[0], make_worker(store))
    (record,) = [record for record in records if record.msg == Event.CHUNK_CLAIMED]
    assert {name: vars(record)[name] for name in claim.ids} == claim.ids
