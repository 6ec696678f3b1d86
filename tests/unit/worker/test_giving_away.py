"""What a claim gives to an idle worker: only documents that have not begun, each to one worker alone."""

from dataclasses import replace

import pytest

from qwenq.schemas.chunks import CRASHES_IN_COMPANY, Assignment, Claim
from qwenq.schemas.generation import GenerationParams
from qwenq.schemas.jobs import PromptSpec
from qwenq.schemas.outcomes import Outcome
from qwenq.worker.keeping.ledger import Ledger
from qwenq.worker.keeping.open_claim import OpenClaim
from qwenq.worker.keeping.stalling import StallWatch
from qwenq.worker.store_process.settling import Ending
from tests.builders import answer
from tests.turns import quick

DOCUMENTS = 10


@pytest.fixture
def ledger() -> Ledger:
    """A ledger without a claim."""
    return Ledger(StallWatch("none", stall_seconds=60.0), quick())


def opened(ledger: Ledger, read: int, *, crashes: int = 0, chunk_id: int = 1, **params: object) -> OpenClaim:
    """A claim of ten documents, of which an engine has read so many."""
    first = chunk_id * DOCUMENTS
    claim = Claim(chunk_id, 1, 1, 1, first, first + DOCUMENTS - 1, crashes)
    documents = [(seq, "{}") for seq in range(first, first + DOCUMENTS)]
    held = ledger.open(Assignment(claim, PromptSpec(), GenerationParams().overlaid(params), documents))
    assert all(held.begin(seq) for seq in range(first, first + read))
    return held


def _outcome(seq: int) -> Outcome:
    return replace(answer(seq), chunk_id=1)


def test_an_unread_claim_is_given_back_whole_and_nothing_of_it_is_read(ledger: Ledger) -> None:
    held = opened(ledger, read=0)
    ledger.give_away(100)
    assert held.answered
    assert held.gives_back
    assert held.cut is None
    assert not held.begin(10)
    ledger.close(held, Ending.RELEASED)
    assert ledger.wants_more
    assert set(ledger.pop_released()) == {1}


def test_of_an_unread_claim_no_more_is_given_than_asked_for(ledger: Ledger) -> None:
    held = opened(ledger, read=0)
    ledger.give_away(4)
    assert (held.cut, held.owed, held.unread) == (16, 6, 6)
    assert [held.begin(seq) for seq in range(10, 20)] == [True] * 6 + [False] * 4


def test_a_claim_that_was_begun_gives_half_of_its_rest(ledger: Ledger) -> None:
    held = opened(ledger, read=2)
    ledger.add(_outcome(10))
    ledger.give_away(100)
    assert (held.cut, held.owed) == (16, 5)
    assert not ledger.step(), "the engine knows nothing of what is given away"


def test_what_an_engine_has_begun_is_answered_before_the_chunk_is_cut(ledger: Ledger) -> None:
    held = opened(ledger, read=DOCUMENTS)
    ledger.give_away(100)
    assert list(ledger.step()) == [held]
    held.drop_given({10, 17})
    assert held.cut is None
    ledger.add(_outcome(17))
    assert held.cut == 15
    assert ledger.drain(held).cut == 15


def test_a_claim_whose_documents_have_all_begun_is_kept(ledger: Ledger) -> None:
    held = opened(ledger, read=DOCUMENTS)
    ledger.give_away(100)
    held.drop_given(range(10, 20))
    assert (held.is_cutting, held.cut, held.owed) == (False, None, DOCUMENTS)


def test_of_a_job_with_split_documents_only_what_is_unread_is_given(ledger: Ledger) -> None:
    held = opened(ledger, read=8, on_overflow="split")
    ledger.give_away(100)
    assert held.cut == 19
    read = opened(ledger, read=DOCUMENTS, chunk_id=2, on_overflow="split")
    assert read.give_away(100) == 0


@pytest.mark.parametrize("why", ["a suspect", "paused", "over", "given back"])
def test_some_claims_are_never_given_away(ledger: Ledger, why: str) -> None:
    held = opened(ledger, read=2, crashes=CRASHES_IN_COMPANY + 1 if why == "a suspect" else 0)
    held.is_paused, held.is_over = why == "paused", why == "over"
    if why == "given back":
        held.drop([12])
    ledger.give_away(100)
    assert not held.is_cutting


def test_the_newest_claim_is_given_away_first(ledger: Ledger) -> None:
    older, newer = opened(ledger, read=2), opened(ledger, read=0, chunk_id=2)
    ledger.give_away(DOCUMENTS)
    assert newer.gives_back
    assert not older.is_cutting
    ledger.give_away(DOCUMENTS)
    assert older.is_cutting
