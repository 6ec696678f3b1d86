"""No worker is idle for long beside work that another has claimed and not begun, whatever is submitted when."""

from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete

from qwenq.schemas.tables.core import workers
from qwenq.store.database.store import Store
from qwenq.store.views.jobs.statuses import job_status
from tests.audit import audit
from tests.builders import make_job
from tests.integration.store.model import watching
from tests.integration.worker.sharing.simulated import TICK_SECONDS, SimulatedWorker, World

LONGEST_IDLE_SECONDS = 5.0
MUCH_SECONDS = 10.0
LONGEST_SECONDS = 3_600.0

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@dataclass(frozen=True)
class Submitted:
    """A job that is submitted at a moment; each of its documents takes `cost` seconds, a few take `slow` ones."""

    at: float
    documents: int
    chunk_documents: int
    cost: float
    slow: float | None = None


@dataclass(frozen=True)
class Started:
    """A worker that starts at a moment, answers so many documents at once, and may be killed."""

    at: float
    rows: int
    dies_at: float | None = None


JOBS = st.lists(
    st.builds(
        Submitted,
        at=st.sampled_from([0.0, 0.0, 3.0, 11.0]),
        documents=st.sampled_from([1, 5, 60, 200]),
        chunk_documents=st.sampled_from([1, 5, 50, 500]),
        cost=st.sampled_from([0.05, 0.4, 1.5]),
        slow=st.sampled_from([None, None, None, 20.0]),
    ),
    min_size=1,
    max_size=3,
)
FLEET = st.lists(
    st.builds(
        Started,
        at=st.sampled_from([0.0, 0.0, 1.0, 7.0]),
        rows=st.sampled_from([1, 4, 16]),
        dies_at=st.sampled_from([None, None, None, 9.0]),
    ),
    min_size=1,
    max_size=3,
).map(lambda started: [Started(0.0, 4), *started])
A_TINY_JOB_FIRST = [Submitted(0.0, 5, 500, 0.4), Submitted(0.0, 400, 100, 0.4)]
ONE_LONG_CHUNK = [Submitted(0.0, 500, 500, 0.4)]
LONG_ANSWERS = [Submitted(0.0, 300, 300, 0.4, slow=20.0)]


@example(A_TINY_JOB_FIRST, [Started(0.0, 4), Started(0.0, 4)])
@example(A_TINY_JOB_FIRST, [Started(0.0, 4), Started(1.0, 4), Started(7.0, 1)])
@example(LONG_ANSWERS, [Started(0.0, 4), Started(7.0, 4)])
@example(ONE_LONG_CHUNK, [Started(0.0, 4), Started(7.0, 4)])
@given(JOBS, FLEET)
@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
def test_no_worker_is_idle_beside_much_that_has_not_begun(
    store: Store, submitted: list[Submitted], started: list[Started]
) -> None:
    watching.empty(store)
    with store.writing() as connection:
        connection.execute(delete(workers))
    assert _longest_idleness(World(store), submitted, started) <= LONGEST_IDLE_SECONDS


def _longest_idleness(world: World, submitted: list[Submitted], started: list[Started]) -> float:
    """Run all jobs to their end. Returns how long a worker was idle beside much that another had not begun."""
    idle: dict[int, float] = {}
    live: dict[int, SimulatedWorker] = {}
    longest = 0.0
    while world.now < LONGEST_SECONDS:
        for one in submitted:
            if one.at == world.now:
                _submit(world, one)
        for place, worker in enumerate(started):
            if worker.at == world.now:
                live[place] = SimulatedWorker(world, worker.rows)
            if worker.dies_at == world.now and place in live:
                live.pop(place).die()
        for simulated in live.values():
            simulated.tick()
        held = {one.id: one.turn.unbegun_seconds for one in live.values() if one.turn is not None}
        for simulated in live.values():
            much = max((seconds for other, seconds in held.items() if other != simulated.id), default=0.0)
            is_idle = simulated.turn is None and much > MUCH_SECONDS
            idle[simulated.id] = idle.get(simulated.id, 0.0) + TICK_SECONDS if is_idle else 0.0
        longest = max(longest, *idle.values())
        world.now += TICK_SECONDS
        if world.now > 12.0 and _all_ended(world):
            return longest
    raise AssertionError("the jobs do not end")


def _submit(world: World, one: Submitted) -> None:
    job_id = make_job(world.store, one.documents, one.chunk_documents)
    world.costs[job_id] = one.cost
    if one.slow is not None:
        world.slow[job_id] = one.slow
    world.announce(job_id)


def _all_ended(world: World) -> bool:
    with world.store.reading() as connection:
        statuses = [job_status(connection, job_id) for job_id in world.costs]
        if not all(status is not None and status.state.ended for status in statuses):
            return False
        for job_id in world.costs:
            audit(connection, job_id)
    return True
