"""A suspect is answered alone: the feed claims nothing beside it, and does not pass it by."""

from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import select

from qwenq.schemas.chunks import CRASHES_IN_COMPANY
from qwenq.schemas.states import ChunkState
from qwenq.schemas.tables.core import chunks
from qwenq.store.database.store import Store
from qwenq.worker.keeping.keeper import Keeper
from qwenq.worker.turn.claimant import Claimant
from tests.builders import chunks_of, make_job, suspect
from tests.integration.worker.feed.conftest import begin, give
from tests.waiting import eventually


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


def crashes_of(store: Store, chunk_id: int) -> int:
    with store.reading() as connection:
        found: int = connection.execute(select(chunks.c.crashes).where(chunks.c.id == chunk_id)).scalar_one()
    return found
