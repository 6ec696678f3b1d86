"""The feed of a turn: it reads every waiting chunk, and ends in time, when the worker stops, or when closed."""

import threading
from concurrent.futures import ThreadPoolExecutor

from qwenq.schemas.states import ChunkState
from qwenq.store.database.store import Store
from qwenq.store.life.workers import note_stopping
from qwenq.store.views.answers.results import errors_of
from qwenq.worker.keeping.keeper import Keeper
from qwenq.worker.keeping.rhythm import Rhythm
from qwenq.worker.turn.claimant import Claimant
from tests.audit import audit
from tests.builders import chunks_of, make_job, row, store_job
from tests.integration.worker.feed.conftest import begin, give
from tests.waiting import eventually


def test_a_turn_answers_every_waiting_chunk_and_then_ends(
    store: Store, claimant: Claimant, keeper: Keeper
) -> None:
    jobs = [make_job(store, documents=10), make_job(store, documents=3)]
    for request in begin(store, claimant, keeper, chunks_of(store, jobs[0])[1]).requests():
        give(keeper, request)
    assert keeper.settle_rest() == set()
    with store.reading() as connection:
        for job_id in jobs:
            audit(connection, job_id)
    assert [chunks_of(store, job_id, ChunkState.DONE) for job_id in jobs] == [
        chunks_of(store, job_id) for job_id in jobs
    ]


def test_a_turn_looks_for_chunks_while_something_is_being_answered(
    store: Store, claimant: Claimant, keeper: Keeper, reader: ThreadPoolExecutor
) -> None:
    first_job = make_job(store, documents=4)
    requests = begin(store, claimant, keeper, chunks_of(store, first_job)[0]).requests()
    being_answered = [next(requests) for _ in range(4)]
    waiting = reader.submit(next, requests, None)
    later_job = make_job(store, documents=2)
    found = waiting.result(30)
    assert found is not None
    assert found.group == chunks_of(store, later_job)[0]
    give(keeper, *being_answered, found, *[next(requests)])
    assert reader.submit(next, requests, None).result(30) is None


def test_the_message_of_a_finished_chunk_leads_to_a_claim_of_a_waiting_one(
    store: Store, claimant: Claimant
) -> None:
    job_id = make_job(store, documents=8)
    first, second = chunks_of(store, job_id)
    assert claimant.claim(first) is not None
    other = claimant.claim(first)
    assert other is not None
    assert other.claim.chunk_id == second
    assert claimant.claim(first) is None


def test_a_turn_claims_no_more_after_its_time(
    store: Store, claimant: Claimant, keeper: Keeper, rhythm: Rhythm
) -> None:
    rhythm.turn_seconds = 0.0
    job_id = make_job(store, documents=8)
    first, second = chunks_of(store, job_id)
    assert {request.group for request in begin(store, claimant, keeper, first).requests()} == {first}
    assert chunks_of(store, job_id, ChunkState.QUEUED) == [second]


def test_a_feed_that_waits_ends_when_the_worker_stops(
    store: Store, claimant: Claimant, keeper: Keeper, reader: ThreadPoolExecutor
) -> None:
    job_id = make_job(store, documents=4)
    requests = begin(store, claimant, keeper, chunks_of(store, job_id)[0]).requests()
    for _ in range(4):
        next(requests)
    waiting = reader.submit(next, requests, None)
    with store.writing() as connection:
        note_stopping(connection, claimant.terms.worker_id)
    assert waiting.result(30) is None
    assert keeper.settle_rest() == {job_id}


def test_a_closed_feed_leaves_no_claim_outside_the_ledger(
    store: Store, claimant: Claimant, keeper: Keeper
) -> None:
    job_id = make_job(store, documents=400, chunk_documents=1)
    feed = begin(store, claimant, keeper, chunks_of(store, job_id)[0])

    def read_all() -> None:
        for request in feed.requests():
            give(keeper, request)

    reading = threading.Thread(target=read_all)
    reading.start()
    eventually(lambda: chunks_of(store, job_id, ChunkState.DONE), "the first chunks are done")
    feed.close()
    reading.join(30)
    keeper.settle_rest()
    assert chunks_of(store, job_id, ChunkState.RUNNING) == []
    with store.reading() as connection:
        audit(connection, job_id)


def test_a_document_that_cannot_be_rendered_fails_alone(
    store: Store, claimant: Claimant, keeper: Keeper
) -> None:
    job_id = store_job(store, [row(0, content='{"other": "no text"}'), row(1)])
    for request in begin(store, claimant, keeper, chunks_of(store, job_id)[0]).requests():
        assert request.key == 1
        give(keeper, request)
    with store.reading() as connection:
        audit(connection, job_id)
        assert [error.custom_id for error in errors_of(connection, job_id)] == ["d0"]
