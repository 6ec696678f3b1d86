"""The feed claims the next chunk while the one before is being answered, and quick chunks further ahead."""

from concurrent.futures import ThreadPoolExecutor
from itertools import islice

import pytest

from qwenq.schemas.states import ChunkState
from qwenq.store.database.store import Store
from qwenq.store.life.pausing import pause_job
from qwenq.worker.keeping.keeper import Keeper
from qwenq.worker.keeping.rhythm import Rhythm
from qwenq.worker.turn.claimant import Claimant
from qwenq.worker.turn.next_claim import AHEAD
from tests.builders import chunks_of, make_job
from tests.integration.worker.feed.conftest import begin, give
from tests.waiting import eventually


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
    rhythm.ahead_seconds = 60.0
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
    rhythm.ahead_seconds = 60.0
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
    rhythm.ahead_seconds = 60.0
    job_id = make_job(store, documents=24)
    waiting = chunks_of(store, job_id)
    feed = begin(store, claimant, keeper, waiting[0])
    requests = feed.requests()
    give(keeper, *islice(requests, 5))
    eventually(lambda: chunks_of(store, job_id, ChunkState.QUEUED) == waiting[4:], "two are claimed ahead")
    feed.close()
    keeper.settle_rest()
    assert chunks_of(store, job_id, ChunkState.QUEUED) == waiting[1:]


@pytest.mark.parametrize(
    ("ahead_seconds", "enough_seconds", "claimed"),
    [(60.0, 60.0, 2 + AHEAD), (0.05, 60.0, 3), (0.0, 60.0, 2), (60.0, 0.035, 3)],
    ids=["quick", "soon enough", "slow", "enough"],
)
def test_what_is_claimed_is_bounded_by_seconds_of_work(
    store: Store,
    claimant: Claimant,
    keeper: Keeper,
    rhythm: Rhythm,
    ahead_seconds: float,
    enough_seconds: float,
    claimed: int,
) -> None:
    """At 100 documents a second, a chunk of four takes 0.04 seconds."""
    rhythm.ahead_seconds, rhythm.enough_seconds = ahead_seconds, enough_seconds
    waiting = chunks_of(store, make_job(store, documents=24))
    feed = begin(store, claimant, keeper, waiting[0])
    requests = feed.requests()
    list(islice(requests, 5))
    eventually(lambda: len(keeper.ledger.claims()) == claimed, "what is needed soon is claimed")
    feed.close()
    assert len(keeper.ledger.claims()) == claimed


def test_with_enough_before_it_a_turn_claims_nothing_until_the_engine_has_begun_it(
    store: Store, claimant: Claimant, keeper: Keeper, rhythm: Rhythm, reader: ThreadPoolExecutor
) -> None:
    rhythm.enough_seconds = 0.01
    waiting = [4]
    keeper.ledger.engine_waiting = lambda: waiting[0]
    first, second, _ = chunks_of(store, make_job(store, documents=12))
    requests = begin(store, claimant, keeper, first).requests()
    list(islice(requests, 3))
    last = reader.submit(lambda: list(islice(requests, 2)))
    with pytest.raises(TimeoutError):
        last.result(0.5)
    assert [claim.chunk_id for claim in keeper.ledger.claims()] == [first]
    waiting[0] = 0
    assert [request.group for request in last.result(60)] == [first, second]
