"""Which workers count as idle, so that others give them work."""

import pytest
from sqlalchemy import update

from qwenq.schemas.states import WorkerState
from qwenq.schemas.tables.core import jobs, workers
from qwenq.schemas.workers import LoadedWeights
from qwenq.store.database.clock import now
from qwenq.store.database.store import Store
from qwenq.store.views.fleet.idle import FRESH_SECONDS, count_idle
from qwenq.worker.store_process.claiming import ANY_CRASHES, Terms, claim_named
from tests.builders import MODEL, chunks_of, claim_one, make_job, make_worker

OLD = LoadedWeights("old", "same")


@pytest.fixture
def giver(store: Store) -> int:
    """A worker that holds a chunk, of a job that the weights `old` began."""
    giver = make_worker(store, weights=OLD)
    terms = Terms(MODEL, giver, 60, OLD)
    assert claim_named(store, terms, chunks_of(store, make_job(store, documents=3))[0]) is not None
    return giver


def _idle(store: Store, giver: int) -> int:
    with store.reading() as connection:
        return count_idle(connection, MODEL, ANY_CRASHES, giver)


def test_a_worker_is_idle_while_it_holds_no_chunk_and_none_waits(store: Store, giver: int) -> None:
    busy = make_worker(store)
    assert _idle(store, giver) == 1
    (chunk_id,) = chunks_of(store, make_job(store, documents=3))
    assert _idle(store, giver) == 0, "it gets the waiting chunk by its message"
    claim_one(store, chunk_id, busy)
    assert _idle(store, giver) == 0
    make_worker(store)
    make_worker(store, model="another")
    assert _idle(store, giver) == 1


def test_a_worker_with_other_weights_than_those_of_the_work_is_not_idle(store: Store, giver: int) -> None:
    make_worker(store, weights=LoadedWeights("new", "other"))
    assert _idle(store, giver) == 0
    make_worker(store, weights=LoadedWeights("new", "same"))
    assert _idle(store, giver) == 1
    with store.writing() as connection:
        connection.execute(update(jobs).values(mixed_weights=True))
    assert _idle(store, giver) == 2


@pytest.mark.parametrize(
    ("facts", "idle"),
    [
        ({"state": WorkerState.STARTING}, 1),
        ({"state": WorkerState.STOPPING}, 0),
        ({"state": WorkerState.FAILED}, 0),
        ({"broker_error": "refused"}, 0),
        ({"heartbeat_at": now(-FRESH_SECONDS - 60)}, 0),
    ],
    ids=["starting", "stopping", "failed", "cut off", "silent"],
)
def test_only_a_worker_that_can_begin_is_idle(
    store: Store, giver: int, facts: dict[str, object], idle: int
) -> None:
    worker_id = make_worker(store)
    with store.writing() as connection:
        connection.execute(update(workers).where(workers.c.id == worker_id).values(facts))
    assert _idle(store, giver) == idle
