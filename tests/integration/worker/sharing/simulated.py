"""Simulated workers on a real store: real claims, feeds, ledgers and sharing, with a pretended engine and clock."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from qwenq.schemas.chunks import Assignment
from qwenq.schemas.requests import Request
from qwenq.store.database.store import Store
from qwenq.store.life import workers
from qwenq.store.life.chunks import mark_announced
from qwenq.store.life.rescue import rescue_held_by
from qwenq.store.views.fleet.idle import count_idle
from qwenq.store.views.work.announcements import unannounced_of_job
from qwenq.worker.keeping.ledger import Ledger
from qwenq.worker.keeping.open_claim import OpenClaim
from qwenq.worker.keeping.pace import Pace
from qwenq.worker.keeping.rhythm import Rhythm
from qwenq.worker.keeping.stalling import StallWatch
from qwenq.worker.store_process.claiming import ANY_CRASHES
from qwenq.worker.store_process.settling import Ending, keep_claim
from qwenq.worker.turn.claimant import Claimant
from qwenq.worker.turn.feed import Feed
from qwenq.worker.turn.sharing import Sharing
from tests.builders import LEASE, MODEL, answer, make_worker
from tests.store_work import claimant_of
from tests.turns import INFO

TICK_SECONDS = 0.25
_SLOW = 17
MOST_WAITING = 1_024


@dataclass
class World:
    """A store, its queue of messages, and the seconds that a document of each job takes.

    In a job with `slow` seconds, one document in twenty takes these.
    """

    store: Store
    now: float = 0.0
    messages: deque[int] = field(default_factory=deque)
    costs: dict[int, float] = field(default_factory=dict)
    slow: dict[int, float] = field(default_factory=dict)

    def seconds(self, job_id: int, seq: int) -> float:
        """How long a document takes."""
        return self.slow.get(job_id, self.costs[job_id]) if seq % 20 == _SLOW else self.costs[job_id]

    def announce(self, job_id: int) -> None:
        """Send a message for each waiting chunk that has none."""
        with self.store.writing() as connection:
            chunk_ids = [one.chunk_id for one in unannounced_of_job(connection, job_id)]
            mark_announced(connection, chunk_ids)
        self.messages.extend(chunk_ids)


class SimulatedWorker:
    """A worker whose engine has so many rows. While it is idle, it takes a message at each tick."""

    def __init__(self, world: World, rows: int) -> None:
        self._world = world
        self._rows = rows
        self._pace = Pace(lambda: world.now)
        self.id = make_worker(world.store)
        self._claimant: Claimant = claimant_of(world.store, MODEL, self.id)
        self.turn: SimulatedTurn | None = None

    def tick(self) -> None:
        """Do what a worker does in a quarter of a second."""
        with self._world.store.writing() as connection:
            workers.beat_heart(connection, self.id)
        if self.turn is None and self._world.messages:
            first = self._claimant.claim(self._world.messages.popleft())
            if first is not None:
                self.turn = SimulatedTurn(self._world, self._rows, self._pace, self._claimant, first)
        if self.turn is not None and not self.turn.tick():
            self.turn = None

    def die(self) -> None:
        """Its process is killed, and what it held is put back."""
        if self.turn is not None:
            self.turn.close()
        with self._world.store.writing() as connection:
            rescue_held_by(connection, self.id, max_crashes=2)
            workers.note_stopped(connection, self.id)
        for job_id in self._world.costs:
            self._world.announce(job_id)


class SimulatedTurn:
    """A turn whose engine begins the last documents that it has read first, as one that sorts them may."""

    def __init__(self, world: World, rows: int, pace: Pace, claimant: Claimant, first: Assignment) -> None:
        self._world = world
        self._worker_id = first.claim.worker_id
        self._rows = rows
        rhythm = Rhythm(look_again_seconds=0.0, enough_again_seconds=0.0, grace_seconds=0.0)
        self._ledger = Ledger(StallWatch("none", 600.0), rhythm, pace)
        self._ledger.engine_waiting = lambda: len(self._waiting)
        self._feed = Feed(claimant, self._ledger, first, INFO)
        self._claims = self._feed.claims()
        self._reading: Iterator[Request] = iter(())
        self._waiting: list[Request] = []
        self._running: dict[tuple[int, int], float] = {}
        self._withdrawn: dict[int, int] = {}
        self._sharing = Sharing(self._ledger, self._count_idle, world.announce)
        self._ticks = 0

    @property
    def unbegun_seconds(self) -> float:
        """The seconds that it will take for what it holds and has not begun."""
        seconds = 0.0
        for held in self._ledger.open_claims():
            if held.group != held.claim.chunk_id:
                continue  # all that it awaits has begun
            its = range(held.claim.first_seq, held.end)
            begun = sum(group == held.group and key in its for group, key in self._running)
            seconds += (held.owed - begun) * self._world.costs[held.claim.job_id]
        return seconds / self._rows

    def tick(self) -> bool:
        """Read, begin and end documents; write and share now and then. False: the turn has ended."""
        self._ticks += 1
        for held in self._ledger.step():
            held.drop_given(self._withdraw_waiting(held))
        goes_on = self._read()
        self._end_due()
        self._begin()
        if self._ticks % 2 == 0:
            self._sharing.look()
        if self._ticks % 4 == 0 or any(held.answered for held in self._ledger.open_claims()):
            self._keep()
        if goes_on or self._waiting or self._running or self._ledger.open_claims():
            return True
        self.close()
        return False

    def close(self) -> None:
        """Announce what was given away last, and claim nothing more."""
        self._feed.close()
        for job_id in self._ledger.pop_released():
            self._world.announce(job_id)

    def _count_idle(self) -> int:
        with self._world.store.reading() as connection:
            return count_idle(connection, MODEL, ANY_CRASHES, self._worker_id)

    def _withdraw_waiting(self, held: OpenClaim) -> set[int]:
        group = held.claim.chunk_id
        self._withdrawn[group] = held.end
        self._waiting = [one for one in self._waiting if one.group != group or one.key < held.end]
        return {key for one, key in self._running if one == group}

    def _read(self) -> bool:
        """Read ahead. False: there is nothing more to read."""
        while len(self._waiting) < MOST_WAITING:
            request = next(self._reading, None)
            if request is not None:
                if request.key < self._withdrawn.get(request.group, request.key + 1):
                    self._waiting.append(request)
                continue
            if len(self._waiting) >= 2 * self._rows:
                return True
            try:
                claimed = next(self._claims)
            except StopIteration:
                return False
            if claimed is None:
                return True
            self._reading = claimed.requests
        return True

    def _begin(self) -> None:
        while self._waiting and len(self._running) < self._rows:
            group = self._waiting[0].group
            last = max(place for place, one in enumerate(self._waiting) if one.group == group)
            request = self._waiting.pop(last)
            job_id = next(
                held.claim.job_id for held in self._ledger.open_claims() if held.claim.chunk_id == group
            )
            self._running[group, request.key] = self._world.now + self._world.seconds(job_id, request.key)

    def _end_due(self) -> None:
        for (group, key), due in list(self._running.items()):
            if due <= self._world.now:
                del self._running[group, key]
                self._ledger.add(replace(answer(key), chunk_id=group))

    def _keep(self) -> None:
        """Write each claim, as a keeper does."""
        for held in self._ledger.open_claims():
            otherwise = Ending.RELEASED if held.answered else Ending.KEPT
            unwritten = self._ledger.drain(held)
            kept = keep_claim(self._world.store, held.claim, unwritten, MODEL, LEASE, otherwise)
            self._ledger.note_kept(held, kept)
            if kept.ending != Ending.KEPT:
                self._ledger.close(held, kept.ending)
