"""The ledger of a turn: each change of a claim reaches the engine once, and no waiting thread misses one."""

import threading

import pytest

from qwenq.schemas.chunks import Assignment, Claim
from qwenq.schemas.errors import RequestsForgotten
from qwenq.schemas.generation import GenerationParams
from qwenq.schemas.jobs import PromptSpec
from qwenq.worker.keeping.ledger import Ledger
from qwenq.worker.keeping.open_claim import OpenClaim
from qwenq.worker.keeping.stalling import StallWatch
from qwenq.worker.store_process.settling import Ending
from tests.turns import quick

LONG = 60.0


@pytest.fixture
def ledger() -> Ledger:
    """A ledger without a claim."""
    return Ledger(StallWatch("none", stall_seconds=LONG), quick())


@pytest.fixture
def claim(ledger: Ledger) -> OpenClaim:
    """A claim of two documents in it."""
    documents = [(0, "{}"), (1, "{}")]
    return ledger.open(Assignment(Claim(1, 1, 1, 1, 0, 1), PromptSpec(), GenerationParams(), documents))


@pytest.mark.parametrize("ending", [Ending.LOST, Ending.DROPPED])
def test_a_claim_that_ends_early_is_given_to_one_step(
    ledger: Ledger, claim: OpenClaim, ending: Ending
) -> None:
    ledger.close(claim, ending)
    assert (list(ledger.step()), list(ledger.step())) == ([claim], [])
    assert claim.is_over


@pytest.mark.parametrize("ending", [Ending.FINISHED, Ending.RELEASED])
def test_a_paused_claim_that_ends_before_the_next_step_is_not_withdrawn(
    ledger: Ledger, claim: OpenClaim, ending: Ending
) -> None:
    """Its chunk may be claimed again in this turn, whose requests must not be withdrawn."""
    ledger.note_pause(claim, paused=True)
    ledger.close(claim, ending)
    assert not ledger.step()


def test_a_pause_is_given_to_one_step_however_often_it_is_noted(ledger: Ledger, claim: OpenClaim) -> None:
    for _ in range(2):
        ledger.note_pause(claim, paused=True)
    assert (list(ledger.step()), list(ledger.step())) == ([claim], [])
    assert claim.is_paused
    assert not claim.is_wanted


def test_after_a_chunk_that_was_given_back_in_part_no_more_is_claimed(
    ledger: Ledger, claim: OpenClaim
) -> None:
    """Its last documents ended it. Retried and claimed again in this turn, its requests would be dropped."""
    claim.drop_all_but({0, 1})
    ledger.close(claim, Ending.FINISHED)
    assert not ledger.wants_more


def test_a_lost_claim_does_not_end_a_newer_claim_of_its_chunk(ledger: Ledger, claim: OpenClaim) -> None:
    """While the store is away, a lease runs out; the keeper notices it after this turn claimed the chunk again."""
    newer = ledger.open(Assignment(Claim(1, 1, 2, 1, 0, 1), PromptSpec(), GenerationParams(), [(0, "{}")]))
    ledger.close(claim, Ending.LOST)
    assert claim.is_over
    assert ledger.open_claims() == [newer]
    assert not ledger.step()


def test_a_change_before_the_wait_ends_it_at_once(ledger: Ledger) -> None:
    seen = ledger.changes
    ledger.wake()
    waiting = threading.Thread(target=ledger.wait_for_change, args=(seen, 10 * LONG))
    waiting.start()
    waiting.join(LONG)
    assert not waiting.is_alive()


def test_an_engine_owes_every_document_that_was_not_dropped(ledger: Ledger, claim: OpenClaim) -> None:
    with pytest.raises(RequestsForgotten, match="2 of its requests"):
        ledger.check_answered()
    claim.drop([0, 1])
    ledger.check_answered()
