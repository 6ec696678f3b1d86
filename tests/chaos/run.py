"""One run: make a world, trouble it by the plan while it works, let it heal, and audit it."""

import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from qwenq.schemas.errors import StoreAway
from qwenq.worker.engines.echo.engine import ECHO_MODEL
from tests.chaos.audit.auditor import Violation, violations
from tests.chaos.audit.evidence import Evidence, gather
from tests.chaos.faults.carrying_out import Met, carry_out
from tests.chaos.plan import WORKERS, Fault
from tests.chaos.world.progress import is_at_work, messages, wait_until_quiet, waiting_documents
from tests.chaos.world.tiny_model import untroubled_questions
from tests.chaos.world.world import World, made_world
from tests.waiting import eventually

START_SECONDS = 120.0
LOOK_EVERY_SECONDS = 0.25
REAL_BACKLOG = 8
"""Documents for the tiny model that should wait at any time. It shares the cores with all other workers."""


@dataclass(frozen=True)
class Size:
    """How much work there is: documents of a job on average, and documents that should wait at any time.

    After the last fault everything must end within `heal_seconds`. With `real`, a fourth worker has the tiny model.
    """

    documents_an_order: int
    backlog: int
    heal_seconds: float
    real: bool = False

    @property
    def workers(self) -> int:
        """The number of workers."""
        return WORKERS + self.real


SHORT = Size(documents_an_order=80, backlog=100, heal_seconds=180.0)
LONG = Size(documents_an_order=400, backlog=500, heal_seconds=600.0, real=True)


@dataclass(frozen=True)
class Outcome:
    """The result of a run: its evidence and the broken promises."""

    database: str
    folder: Path
    seconds: float
    evidence: Evidence
    violations: Sequence[Violation]


def play(folder: Path, database: str, seed: int, plan: Sequence[Fault], size: Size) -> Outcome:
    """Carry out the plan on a new world in `folder`, which stays there with all logs."""
    began = time.monotonic()
    folder.mkdir(parents=True)
    questions = untroubled_questions(folder / "untroubled") if size.real else ()
    with made_world(folder, database, seed, size.documents_an_order, questions) as world:
        world.crew.start()
        with _kept_busy(world, size):
            eventually(lambda: is_at_work(world), "a worker answers documents", START_SECONDS)
            met = _carry_out_all(world, plan)
        _heal(world)
        with suppress(AssertionError):  # the auditor tells what is stranded
            wait_until_quiet(world, size.heal_seconds)
        left_messages = messages(world)
        evidence = gather(world, met, left_messages, world.crew.stop())
    return Outcome(database, folder, time.monotonic() - began, evidence, violations(evidence))


@contextmanager
def _kept_busy(world: World, size: Size) -> Iterator[None]:
    """Submit orders whenever fewer documents wait than should."""
    ended = threading.Event()
    thread = threading.Thread(target=_submit_until, args=(ended, world, size.backlog), daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _submit_until(ended: threading.Event, world: World, backlog: int) -> None:
    while not ended.wait(LOOK_EVERY_SECONDS):
        with suppress(StoreAway):
            if waiting_documents(world.store, ECHO_MODEL) < backlog:
                world.producers.submit(world.orders.next())
            for model in world.models - {ECHO_MODEL}:
                if waiting_documents(world.store, model) < REAL_BACKLOG:
                    world.producers.submit(world.orders.real())


def _carry_out_all(world: World, plan: Iterable[Fault]) -> list[Met]:
    """Carry out each fault at its moment, in a thread of its own: many overlap."""
    began = time.monotonic()
    with ThreadPoolExecutor(64, "fault") as threads:
        under_way = []
        for fault in plan:
            time.sleep(max(0.0, began + fault.at - time.monotonic()))
            under_way.append(threads.submit(carry_out, world, fault))
        return [one.result() for one in under_way]


def _heal(world: World) -> None:
    for link in (*world.redis_links, *world.store_links):
        link.heal()
