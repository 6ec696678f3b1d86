"""What a turn gives away is answered once, by whoever claims it; here the turn itself goes on with it."""

import pytest

from qwenq.schemas.settings import Settings
from qwenq.schemas.states import ChunkState
from qwenq.store.database.store import Store
from qwenq.worker.keeping.keeper import Keeper
from tests.builders import chunks_of
from tests.integration.worker.long_turn import LongTurns, words

DOCUMENTS = 40

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def _giving(store: Store, settings: Settings, *, after: int) -> LongTurns:
    """A turn that gives away half of its rest after so many answers."""

    def give(given: int, keeper: Keeper) -> None:
        if given == after:
            keeper.ledger.give_away(DOCUMENTS)

    return LongTurns(store, settings, after=give)


@pytest.mark.parametrize("after", [1, 20, DOCUMENTS - 2])
def test_documents_given_away_are_answered_once(store: Store, settings: Settings, after: int) -> None:
    turns = _giving(store, settings, after=after)
    job_id = turns.job(*[f"text {place}" for place in range(DOCUMENTS)], on_overflow="fail")
    turns.answer(job_id)
    assert sorted(turns.asked) == sorted(f"Shorten: text {place}" for place in range(DOCUMENTS))
    assert len(chunks_of(store, job_id, ChunkState.DONE)) == 2


def test_twins_of_given_documents_are_answered(store: Store, settings: Settings) -> None:
    """The stage that looks for earlier answers reads far ahead, so the engine must be told what is given away."""
    turns = _giving(store, settings, after=3)
    job_id = turns.job(*[f"text {place % 25}" for place in range(DOCUMENTS)], on_overflow="fail", reuse=True)
    turns.answer(job_id)
    assert len(chunks_of(store, job_id, ChunkState.DONE)) == len(chunks_of(store, job_id))


def test_long_documents_keep_their_parts(store: Store, settings: Settings) -> None:
    turns = _giving(store, settings, after=4)
    texts = [words(100, f"w{place}") if place % 4 == 1 else f"text {place}" for place in range(DOCUMENTS)]
    job_id = turns.job(*texts)
    turns.answer(job_id)
    assert len(turns.asked) == len(set(turns.asked))
    assert len(chunks_of(store, job_id, ChunkState.DONE)) == 2
