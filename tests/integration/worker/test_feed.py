"""The feed of a turn claims the next chunk while the one before is being answered, unless it may not."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import islice

import pytest
from sqlalchemy import select

from qwenq.schemas.chunks import CRASHES_IN_COMPANY
from qwenq.schemas.requests import Request
from qwenq.schemas.settings import Settings
from qwenq.schemas.states import ChunkState
from qwenq.schemas.tables.core import chunks
from qwenq.store.database.store import Store
from qwenq.store.life.cancelling import cancel_job
from qwenq.store.life.pausing import pause_job, resume_job
from qwenq.store.life.workers import note_stopping
from qwenq.store.views.answers.results import errors_of
from qwenq.store.views.jobs.statuses import job_status
from qwenq.worker.keeping.keeper import Keeper
from qwenq.worker.keeping.rhythm import Rhythm
from qwenq.worker.turn.claimant import Claimant
from qwenq.worker.turn.next_claim import AHEAD
from qwenq.worker.turn.turn import Turn
from tests.audit import audit
from tests.builders import MODEL, answer, chunks_of, make_job, make_worker, row, store_job, suspect
from tests.store_work import claimant_of
from tests.turns import keeper_of, quick, turn_of
from tests.waiting import eventually


@pytest.fixture
def rhythm() -> Rhythm:
    """The rhythm of the keeper and its turn."""
    return quick()


@pytest.fixture
def claimant(store: Store) -> Claimant:
    """A worker that can claim."""
    return claimant_of(store, MODEL, make_worker(store), 60)


@pytest.fixture
def keeper(store: Store, settings: Settings, rhythm: Rhythm) -> Iterator[Keeper]:
    """A keeper that runs."""
    with keeper_of(store, settings, rhythm) as keeper:
        yield keeper


@pytest.fixture
def reader() -> Iterator[ThreadPoolExecutor]:
    """A thread that reads requests, like an engine's."""
    with ThreadPoolExecutor(1) as reader:
        yield reader


def begin(store: Store, claimant: Claimant, keeper: Keeper, chunk_id: int) -> Turn:
    first = claimant.claim(chunk_id)
    assert first is not None
    return turn_of(store, keeper, claimant, first)


def give(keeper: Keeper, *requests: Request) -> None:
    for request in requests:
        keeper.ledger.add(replace(answer(request.key), chunk_id=request.group))


def test_the_next_chunk_is_claimed_when_the_engine_reads_on_and_no_earlier(
    store: Store, claimant: Claimant, keeper: Keeper
) -> None:
    job_id = make_job(store, documents=12)
    first, second, third = chunks_of(store, job_id)
    requests = begin(store, claimant, keeper, first).requests()
    read = [next(requests) for _ in range(4)]
    assert {request.group for request in read} == {first}
    assert chunks_of(store, job_id, ChunkState.RUNNING) == [first]
    read.append(next(requests))
    assert (read[-1].group, read[-1].key) == (second, 4)
    assert chunks_of(store, job_id, ChunkState.RUNNING) == [first, second]
    assert chunks_of(store, job_id, ChunkState.QUEUED) == [third]


def test_quick_chunks_are_claimed_ahead(
    store: Store, claimant: Claimant, keeper: Keeper, rhythm: Rhythm
) -> None:
    rhythm.quick_seconds = 60.0
    job_id = make_job(store, documents=24)
    waiting = chunks_of(store, job_id)
    feed = begin(store, claimant, keeper, waiting[0])
    requests = feed.requests()
    assert [next(requests).group for _ in range(5)] == [waiting[0]] * 4 + [waiting[1]]
    eventually(
        lambda: chunks_of(store, job_id, ChunkState.RUNNING) == waiting[: 2 + AHEAD],
        "what is needed soon is claimed, and no more",
    )
    eventually(
        lambda: [claim.chunk_id for claim in keeper.ledger.claims()] == waiting[: 2 + AHEAD],
        "the ledger has what is claimed",
    )
    assert [request.group for request in islice(requests, 11)] == [
        *[waiting[1]] * 3,
        *[waiting[2]] * 4,
        *[waiting[3]] * 4,
    ]
    feed.close()


@pytest.mark.parametrize("why", ["the turn's time is over", "a job is paused"])
def test_chunks_claimed_ahead_are_answered_when_nothing_more_may_be_claimed(
    store: Store, claimant: Claimant, keeper: Keeper, rhythm: Rhythm, why: str
) -> None:
    rhythm.quick_seconds = 60.0
    paused = make_job(store, documents=8)
    job_id = make_job(store, documents=24)
    waiting = [*chunks_of(store, paused), *chunks_of(store, job_id)]
    requests = begin(store, claimant, keeper, waiting[0]).requests()
    begun = list(islice(requests, 9))
    eventually(lambda: chunks_of(store, job_id, ChunkState.QUEUED) == waiting[5:], "two are claimed ahead")
    if why == "a job is paused":
        with store.writing() as connection:
            pause_job(connection, paused)
        give(keeper, *begun[:7])
        keeper.ledger.open_claims()[1].drop([begun[7].key])
        eventually(lambda: not keeper.ledger.wants_more, "the paused job's chunk is released")
    else:
        rhythm.turn_seconds = 0.0
    rest = list(requests)
    assert {request.group for request in rest} == set(waiting[2:5])
    give(keeper, *begun, *rest)
    keeper.ledger.check_answered()
    keeper.settle_rest()
    assert chunks_of(store, job_id, ChunkState.DONE) == waiting[2:5]
    assert chunks_of(store, job_id, ChunkState.QUEUED) == waiting[5:]


def test_chunks_claimed_ahead_are_released_when_the_turn_ends_early(
    store: Store, claimant: Claimant, keeper: Keeper, rhythm: Rhythm
) -> None:
    rhythm.quick_seconds = 60.0
    job_id = make_job(store, documents=24)
    waiting = chunks_of(store, job_id)
    feed = begin(store, claimant, keeper, waiting[0])
    requests = feed.requests()
    give(keeper, *islice(requests, 5))
    eventually(lambda: chunks_of(store, job_id, ChunkState.QUEUED) == waiting[4:], "two are claimed ahead")
    feed.close()
    keeper.settle_rest()
    assert chunks_of(store, job_id, ChunkState.QUEUED) == waiting[1:]


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


def test_a_chunk_that_crashed_once_is_claimed_beside_others(
    store: Store, claimant: Claimant, keeper: Keeper
) -> None:
    job_id = make_job(store, documents=8)
    first, lost = chunks_of(store, job_id)
    suspect(store, lost, crashes=CRASHES_IN_COMPANY)
    requests = begin(store, claimant, keeper, first).requests()
    assert {next(requests).group for _ in range(8)} == {first, lost}


def test_a_suspect_is_neither_claimed_beside_others_nor_passed_by(
    store: Store, claimant: Claimant, keeper: Keeper, reader: ThreadPoolExecutor
) -> None:
    job_id = make_job(store, documents=16)
    first, second, third, fourth = chunks_of(store, job_id)
    suspect(store, third)
    requests = begin(store, claimant, keeper, first).requests()
    ahead = [next(requests) for _ in range(8)]
    assert {request.group for request in ahead} == {first, second}
    waiting = reader.submit(next, requests, None)
    give(keeper, *ahead[:-1])
    eventually(lambda: chunks_of(store, job_id, ChunkState.DONE) == [first], "the first chunk is finished")
    assert chunks_of(store, job_id, ChunkState.QUEUED) == [third, fourth]
    give(keeper, ahead[-1])
    alone = waiting.result(30)
    assert alone is not None
    assert alone.group == third
    assert chunks_of(store, job_id, ChunkState.DONE) == [first, second]
    assert chunks_of(store, job_id, ChunkState.QUEUED) == [fourth]


def test_a_turn_that_begins_with_a_suspect_claims_nothing_beside_it(
    store: Store, claimant: Claimant, keeper: Keeper, reader: ThreadPoolExecutor
) -> None:
    job_id = make_job(store, documents=8)
    first, second = chunks_of(store, job_id)
    suspect(store, first)
    requests = begin(store, claimant, keeper, first).requests()
    alone = [next(requests) for _ in range(4)]
    waiting = reader.submit(next, requests, None)
    give(keeper, *alone[:3])
    eventually(lambda: crashes_of(store, first) == 0, "it is no suspect any more")
    assert chunks_of(store, job_id, ChunkState.QUEUED) == [second]
    give(keeper, alone[3])
    beside = waiting.result(30)
    assert beside is not None
    assert beside.group == second
    assert chunks_of(store, job_id, ChunkState.DONE) == [first]


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


def test_the_feed_skips_the_rest_of_a_cancelled_chunk(
    store: Store, claimant: Claimant, keeper: Keeper
) -> None:
    cancelled, other = make_job(store, documents=4), make_job(store, documents=4)
    requests = begin(store, claimant, keeper, chunks_of(store, cancelled)[0]).requests()
    next(requests)
    with store.writing() as connection:
        cancel_job(connection, cancelled)
    eventually(keeper.ledger.step, "the chunk is withdrawn")
    assert next(requests).group == chunks_of(store, other)[0]


def test_a_paused_chunk_is_released_once_its_begun_documents_are_answered(
    store: Store, claimant: Claimant, keeper: Keeper
) -> None:
    paused, other = make_job(store, documents=4), make_job(store, documents=4)
    requests = begin(store, claimant, keeper, chunks_of(store, paused)[0]).requests()
    (claim,) = keeper.ledger.open_claims()
    read = [next(requests)]
    with store.writing() as connection:
        pause_job(connection, paused)
    assert eventually(keeper.ledger.step, "the pause is noticed") == [claim]
    assert keeper.ledger.step() == ()
    read.append(next(requests))
    beside = next(requests)
    assert beside.group == chunks_of(store, other)[0]
    claim.drop_all_but({0, 1})
    assert not claim.is_over
    give(keeper, *read)
    eventually(lambda: claim.is_over, "the chunk is released")
    give(keeper, beside, *requests)
    assert keeper.settle_rest() == {paused}
    assert chunks_of(store, paused, ChunkState.QUEUED) == [claim.claim.chunk_id]
    with store.reading() as connection:
        audit(connection, paused)
        held, ended = job_status(connection, paused), job_status(connection, other)
    assert held is not None
    assert (held.state, held.documents.succeeded, held.documents.pending) == ("paused", 2, 2)
    assert ended is not None
    assert ended.state == "completed"


def test_no_chunk_of_a_paused_job_is_claimed(store: Store, claimant: Claimant, keeper: Keeper) -> None:
    job_id = make_job(store, documents=8)
    first, second = chunks_of(store, job_id)
    requests = begin(store, claimant, keeper, first).requests()
    read = [next(requests) for _ in range(4)]
    with store.writing() as connection:
        pause_job(connection, job_id)
    give(keeper, *read)
    assert next(requests, None) is None
    assert chunks_of(store, job_id, ChunkState.DONE) == [first]
    assert chunks_of(store, job_id, ChunkState.QUEUED) == [second]


def test_a_chunk_whose_job_is_resumed_in_time_is_read_to_its_end(
    store: Store, claimant: Claimant, keeper: Keeper
) -> None:
    job_id = make_job(store, documents=4)
    requests = begin(store, claimant, keeper, chunks_of(store, job_id)[0]).requests()
    (claim,) = keeper.ledger.open_claims()
    with store.writing() as connection:
        pause_job(connection, job_id)
    eventually(lambda: claim.is_paused, "the pause is noticed")
    with store.writing() as connection:
        resume_job(connection, job_id)
    eventually(lambda: not claim.is_paused, "the end of the pause is noticed")
    assert [request.key for request in islice(requests, 4)] == [0, 1, 2, 3]


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


def crashes_of(store: Store, chunk_id: int) -> int:
    with store.reading() as connection:
        found: int = connection.execute(select(chunks.c.crashes).where(chunks.c.id == chunk_id)).scalar_one()
    return found
