"""A worker that can claim, its running keeper, and the turns that begin with them."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from qwenq.schemas.requests import Request
from qwenq.schemas.settings import Settings
from qwenq.store.database.store import Store
from qwenq.worker.keeping.keeper import Keeper
from qwenq.worker.keeping.rhythm import Rhythm
from qwenq.worker.turn.claimant import Claimant
from qwenq.worker.turn.turn import Turn
from tests.builders import MODEL, answer, make_worker
from tests.store_work import claimant_of
from tests.turns import keeper_of, measured_pace, quick, turn_of


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
    with keeper_of(store, settings, rhythm, pace=measured_pace(documents=100)) as keeper:
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
