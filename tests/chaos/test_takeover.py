"""The chunks of a killed worker soon run on other workers, busy as they are."""

import time
from pathlib import Path

from tests.chaos.audit.auditor import TAKEOVER_SECONDS, violations
from tests.chaos.audit.evidence import gather
from tests.chaos.audit.takeovers import takeovers
from tests.chaos.audit.waste import Waste
from tests.chaos.faults.carrying_out import Met
from tests.chaos.plan import Fault, Trouble
from tests.chaos.world.progress import holds_chunk, messages, wait_until_quiet
from tests.chaos.world.world import LEASE_SECONDS, World, made_world
from tests.waiting import eventually


def test_chunks_of_a_killed_worker_soon_run_on_busy_ones(
    tmp_path: Path,
) -> None:
    with made_world(tmp_path / "run", "postgresql", seed=4, documents_an_order=400) as world:
        world.crew.start()
        world.producers.submit(world.orders.next())
        eventually(lambda: holds_chunk(world, 0), "the worker holds a chunk")
        gone = _retire(world, 0)
        wait_until_quiet(world, 180)
        evidence = gather(world, [gone], messages(world), world.crew.stop())
    waits = takeovers(evidence, Waste(evidence).claims)
    assert waits
    assert max(wait.seconds for wait in waits) < TAKEOVER_SECONDS
    assert violations(evidence) == []


def _retire(world: World, place: int) -> Met:
    """Kill a worker and do not restart it."""
    at = time.time()
    pids = tuple(world.crew.retire(place))
    return Met(Fault(0.0, Trouble.KILL_WORKER, place, LEASE_SECONDS), at, at, pids)
