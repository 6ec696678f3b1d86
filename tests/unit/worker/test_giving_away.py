"""What a claim gives to an idle worker: only documents that have not begun, each to one worker alone."""

from dataclasses import replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from qwenq.schemas.chunks import CRASHES_IN_COMPANY, Assignment, Claim, Cut, Standing
from qwenq.schemas.generation import GenerationParams
from qwenq.schemas.jobs import PromptSpec
from qwenq.schemas.outcomes import Outcome
from qwenq.schemas.states import JobState, WorkerState
from qwenq.worker.keeping.cutting import MOST_KEPT, cut_around
from qwenq.worker.keeping.ledger import Ledger
from qwenq.worker.keeping.open_claim import OpenClaim
from qwenq.worker.keeping.stalling import StallWatch
from qwenq.worker.store_process.settling import Ending, Kept
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
    assert (held.cut, held.owed, held.unread) == (Cut(16), 6, 6)
    assert [held.begin(seq) for seq in range(10, 20)] == [True] * 6 + [False] * 4


def test_a_claim_that_was_begun_gives_half_of_its_rest(ledger: Ledger) -> None:
    held = opened(ledger, read=2)
    ledger.add(_outcome(10))
    ledger.give_away(100)
    assert (held.cut, held.owed) == (Cut(16), 5)
    assert not ledger.step(), "the engine knows nothing of what is given away"


def test_what_an_engine_has_begun_is_answered_before_the_chunk_is_cut(ledger: Ledger) -> None:
    held = opened(ledger, read=DOCUMENTS)
    ledger.give_away(100)
    assert list(ledger.step()) == [held]
    held.drop_given({10, 17})
    assert held.cut is None
    ledger.add(_outcome(17))
    assert held.cut == Cut(15)
    assert ledger.drain(held).cut == Cut(15)


def _kept(ledger: Ledger, held: OpenClaim, *rest: Claim) -> None:
    """What the keeper notes after it cut the chunk before document 15."""
    standing = Standing(JobState.RUNNING, WorkerState.READY, 1)
    ledger.note_kept(held, Kept(Ending.KEPT, standing, replace(held.claim, last_seq=14), rest))


def test_what_goes_on_beyond_the_cut_is_kept_in_a_claim_of_its_own(ledger: Ledger) -> None:
    ledger.rhythm.grace_seconds = 0.0
    held = opened(ledger, read=DOCUMENTS)
    ledger.give_away(100)
    assert held.cut is None, "the engine was not asked yet"
    held.drop_given({10, 16, 18})
    cut = held.cut
    assert cut == Cut(15, ((16, 16), (18, 18)))
    ledger.add(_outcome(18))  # while the chunk is being cut
    _kept(ledger, held, *(Claim(chunk, 1, 1, 1, seq, seq) for chunk, seq in ((7, 16), (8, 18))))
    one, other = (claim for claim in ledger.open_claims() if claim.claim.chunk_id in {7, 8})
    assert (held.cut, held.owed, one.owed, other.answered) == (None, 5, 1, True)
    assert [row[0] for row in ledger.drain(other).outcomes.answers] == [18]
    ledger.add(_outcome(16))
    ledger.add(_outcome(16))
    assert [row[0] for row in ledger.drain(one).outcomes.answers] == [16]
    for claim in (one, other):
        ledger.close(claim, Ending.FINISHED)
    assert ledger.wants_more
    assert held.give_away(100) == 2
    assert held.cut is None


def test_given_documents_between_kept_ones_wait_once_these_are_answered(ledger: Ledger) -> None:
    held = opened(ledger, read=DOCUMENTS)
    ledger.give_away(100)
    held.drop_given({15, 19})
    _kept(ledger, held, Claim(7, 1, 1, 1, 15, 19))
    between = ledger.open_claims()[-1]
    for seq in (15, 19):
        ledger.add(_outcome(seq))
    assert between.answered
    ledger.close(between, Ending.RELEASED)
    assert ledger.wants_more, "its chunk is another one than its documents were asked for under"
    assert set(ledger.pop_released()) == {1}


@given(st.sets(st.integers(0, 99), min_size=1), st.sets(st.integers(0, 99), min_size=1))
def test_a_cut_keeps_all_that_has_begun_in_few_ranges(begun: set[int], given_away: set[int]) -> None:
    assume(given_away - begun)
    cut = cut_around(0, 99, sorted(begun), sorted(given_away - begun))
    kept = [set(range(first, last + 1)) for first, last in cut.kept]
    assert len(kept) <= MOST_KEPT
    assert begun <= set().union(*kept)
    edges = [0, *(edge for first, last in cut.kept for edge in (first, last + 1)), 100]
    free = [set(range(*piece)) for piece in zip(edges[::2], edges[1::2], strict=True)]
    assert all(piece & (given_away - begun) for piece in free if piece)
    assert any(free)
    if len(begun) <= MOST_KEPT:
        assert not set().union(*kept) & (given_away - begun)


def test_a_claim_whose_documents_have_all_begun_is_kept(ledger: Ledger) -> None:
    held = opened(ledger, read=DOCUMENTS)
    ledger.give_away(100)
    held.drop_given(range(10, 20))
    assert (held.is_cutting, held.cut, held.owed) == (False, None, DOCUMENTS)


def test_of_a_job_with_split_documents_only_what_is_unread_is_given(ledger: Ledger) -> None:
    held = opened(ledger, read=8, on_overflow="split")
    ledger.give_away(100)
    assert held.cut == Cut(19)
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
