"""An urgent question overtakes what a turn has claimed and not asked, however much that is."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from qwenq.schemas.jobs import Priority
from qwenq.schemas.states import ChunkState
from qwenq.store.database.store import Store
from qwenq.worker.keeping.keeper import Keeper
from qwenq.worker.turn.claimant import Claimant
from tests.builders import ask_question, chunks_of, make_job, suspect
from tests.integration.worker.feed.conftest import begin, give


def test_an_urgent_question_comes_next_beside_more_than_enough(
    store: Store, claimant: Claimant, keeper: Keeper
) -> None:
    job_id = make_job(store, documents=2_000, chunk_documents=1_000)
    first, second = chunks_of(store, job_id)
    turn = begin(store, claimant, keeper, first)
    requests = turn.requests()
    assert next(requests).group == first
    asked = [ask_question(store)[1], ask_question(store)[1]]
    assert next(requests).group == first, "nobody told"
    turn.hurry()
    urgent = [next(requests), next(requests)]
    assert [(one.group, one.urgent, one.closes_group) for one in urgent] == [
        (one, True, True) for one in asked
    ]
    assert [next(requests).key for _ in range(3)] == [2, 3, 4]
    assert chunks_of(store, job_id, ChunkState.QUEUED) == [second]
    give(keeper, *urgent)
    turn.close()


def test_a_turn_that_waits_for_its_last_answers_asks_an_urgent_question(
    store: Store, claimant: Claimant, keeper: Keeper, reader: ThreadPoolExecutor
) -> None:
    keeper.ledger.rhythm.look_again_seconds = 60.0
    (chunk_id,) = chunks_of(store, make_job(store, documents=1))
    turn = begin(store, claimant, keeper, chunk_id)
    requests = turn.requests()
    begun = next(requests)
    following = reader.submit(next, requests, None)
    _, asked = ask_question(store)
    turn.hurry()
    urgent = following.result(timeout=60)
    assert urgent is not None
    assert urgent.group == asked
    give(keeper, begun, urgent)
    assert next(requests, None) is None


@pytest.mark.parametrize("claim", ["named", "next", "urgent"])
def test_an_urgent_question_is_claimed_before_older_jobs_of_high_priority(
    store: Store, claimant: Claimant, claim: str
) -> None:
    make_job(store, priority=Priority.HIGH)
    _, asked = ask_question(store)
    claims = {
        "named": lambda: claimant.claim(10**6),
        "next": claimant.claim_next,
        "urgent": claimant.claim_urgent,
    }
    assignment = claims[claim]()
    assert assignment is not None
    assert (assignment.claim.chunk_id, assignment.urgent) == (asked, True)
    assert claimant.claim_urgent() is None


def test_a_suspect_question_is_not_asked_beside_others(store: Store, claimant: Claimant) -> None:
    suspect(store, ask_question(store)[1])
    assert claimant.claim_urgent() is None
    alone = claimant.claim_next()
    assert alone is not None
    assert alone.urgent
