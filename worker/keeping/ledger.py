"""The ledger of a turn: its open claims with their unwritten outcomes, measured batches and progress."""

import threading
import time
from collections.abc import Callable, Collection
from typing import NamedTuple

from qwenq.schemas.chunks import Assignment, Claim
from qwenq.schemas.errors import RequestsForgotten
from qwenq.schemas.outcomes import Outcome
from qwenq.schemas.parts import Part, PartAnswer
from qwenq.schemas.requests import BatchMetrics
from qwenq.schemas.states import JobState
from qwenq.store.outcomes.outcome_rows import OutcomeRows
from qwenq.worker.keeping.measured import Measured
from qwenq.worker.keeping.open_claim import OpenClaim
from qwenq.worker.keeping.pace import Pace
from qwenq.worker.keeping.progress import ProgressCount, TurnProgress
from qwenq.worker.keeping.rhythm import Rhythm
from qwenq.worker.keeping.stalling import StallWatch
from qwenq.worker.store_process.settling import Ending, Kept, Metrics, Unwritten


class Backlog(NamedTuple):
    """Documents that a turn has claimed and its engine has not begun. `seconds` is None while nothing is measured."""

    documents: int
    seconds: float | None


class Ledger:
    """What three threads of a turn share, behind one lock.

    The thread that reads requests opens claims, and adds outcomes that need no engine. The thread that generates calls
    `step` and adds outcomes and batches. The keeper drains what is unwritten, and closes claims. `released` are the
    jobs whose chunks were given back; `interrupt` is what breaks generation off. `engine_waiting` says how many
    requests the engine has read and not begun.
    """

    def __init__(self, watch: StallWatch, rhythm: Rhythm, pace: Pace | None = None) -> None:
        self.watch = watch
        self.rhythm = rhythm
        self.engine_waiting: Callable[[], int] = int
        self._pace = pace or Pace()
        self._pace.begin()
        self.released: set[int] = set()
        self.interrupt: Exception | None = None
        self.is_closing = False
        self.changes = 0
        self._lock = threading.RLock()
        self._news = threading.Condition(self._lock)
        self._open: dict[int, OpenClaim] = {}
        self._moved: dict[tuple[int, int], int] = {}
        self._changed: list[OpenClaim] = []
        self._measured = Measured()
        self._progress = ProgressCount()
        self._has_lost = False

    def open(self, assignment: Assignment) -> OpenClaim:
        """Keep one more claim."""
        held = OpenClaim(assignment, self._news, self.rhythm.grace_seconds)
        with self._news:
            self.watch.note_step()
            self._progress.begin(assignment)
            self._open[assignment.claim.chunk_id] = held
            self._measured.expect(assignment.claim)
            self._note_change()
        return held

    def claims(self) -> tuple[Claim, ...]:
        """The open claims."""
        with self._news:
            return tuple(held.claim for held in self._open.values())

    @property
    def goes_on(self) -> bool:
        """Whether to answer what is open to its end: not once generation is to be broken off."""
        return self.interrupt is None

    @property
    def wants_more(self) -> bool:
        """Whether more claims may be opened.

        Not once generation is to be broken off, nor after a claim was lost or given back.
        """
        return self.goes_on and not self._has_lost

    def wait_for_change(self, after: int, seconds: float) -> None:
        """Wait until `changes` is no longer what it was, for some seconds at most.

        It counts claims that open or close, calls of `wake`, and the breaking off.
        """
        with self._news:
            self._news.wait_for(lambda: self.changes != after, seconds)

    def wake(self) -> None:
        """Wake the thread that waits for a change: it has something to ask an engine for."""
        with self._news:
            self._note_change()

    def step(self) -> Collection[OpenClaim]:
        """Note that generation moves on. Returns claims that ended early, or were paused, since the last call.

        Raises what breaks generation off: WorkerStopping or StoreAway.
        """
        self.watch.note_step()
        if self.interrupt is not None:
            raise self.interrupt
        if not self._changed:
            return ()
        with self._news:
            changed, self._changed = self._changed, []
        return changed

    def add(self, outcome: Outcome) -> None:
        """Add an outcome; it is dropped if its claim is over. Waits while the store is far behind.

        Whether it is behind is only looked at when a claim has much to write, so what waits is bounded by claim.
        """
        with self._lock:
            held = self._open.get(self._moved.get((outcome.chunk_id, outcome.seq), outcome.chunk_id))
            if held is None:
                return
            held.add(outcome)
            self._progress.add(outcome)
            if outcome.failure is None and outcome.reused_from is None:
                self._pace.count(held.mean_size)
            elif not any(one.asked for one in self._open.values()):
                # Only earlier answers are copied: to count their time would make all that comes look slow.
                self._pace.rest()
            if held.answered or held.waiting >= self.rhythm.flush_outcomes:
                self._news.notify_all()
                self._wait_while_far_behind()

    def add_part(self, held: OpenClaim, key: int, part: Part, answer: PartAnswer) -> None:
        """Add the answer to a part of a document; it is written as outcomes are, and settles nothing."""
        with self._lock:
            if held.is_over:
                return
            held.add_part(key, part, answer)
            self._news.notify_all()
            if held.waiting >= self.rhythm.flush_outcomes:
                self._wait_while_far_behind()

    def add_batch(self, metrics: BatchMetrics) -> None:
        """Add a group's metrics; those of its last step may come after its claim is closed."""
        with self._lock:
            self._measured.add(metrics)

    def backlog(self) -> Backlog:
        """What is claimed and has not begun."""
        waiting = self.engine_waiting()
        with self._lock:
            unread = [(held.unread, held.mean_size) for held in self._open.values()]
            documents = waiting + sum(count for count, _ in unread)
            mean_size = sum(size for _, size in unread) / max(len(unread), 1)
            size = waiting * mean_size + sum(count * size for count, size in unread)
            return Backlog(documents, self._pace.seconds_for(documents, size) if documents else 0.0)

    def give_away(self, most: int) -> None:
        """Give away up to so many documents that have not begun: the last ones of the newest claim that has any."""
        with self._news:
            for held in reversed(self._open.values()):
                if held.give_away(most):
                    if held.asks_engine:
                        self._changed.append(held)
                    self._note_change()
                    return

    def pop_released(self) -> Collection[int]:
        """Hand out the jobs whose chunks were given back since the last call."""
        with self._lock:
            released, self.released = self.released, set()
            return released

    def note_pause(self, held: OpenClaim, *, paused: bool) -> None:
        """Note whether a claim's job is paused, as its last renewal says."""
        with self._lock:
            was_paused, held.is_paused = held.is_paused, paused
            if paused and not was_paused:
                self._changed.append(held)

    def note_kept(self, held: OpenClaim, kept: Kept) -> None:
        """Note what the keeper wrote: the pause of the claim's job, and a chunk that was cut."""
        with self._lock:
            if kept.claim != held.claim:
                self._progress.shrink(held.claim.chunk_id, held.claim.last_seq - kept.claim.last_seq)
                held.claim = kept.claim
                self._measured.expect(held.claim)
                self.released.add(held.claim.job_id)
            for claim in kept.rest:
                # Its answers still come under the chunk that they were asked for.
                self._open[claim.chunk_id] = held.keep(claim)
                its = range(claim.first_seq, claim.last_seq + 1)
                self._moved |= {(held.group, seq): claim.chunk_id for seq in its}
            self.note_pause(held, paused=kept.standing.job == JobState.PAUSED)

    def progress(self) -> TurnProgress | None:
        """How far the turn is. None: it has no claim yet."""
        with self._lock:
            return self._progress.now()

    def check_answered(self) -> None:
        """Raise RequestsForgotten if generation ended by itself and owes an outcome."""
        with self._lock:
            forgotten = {held.claim.chunk_id: held.owed for held in self._open.values() if held.owed}
        if forgotten and self.goes_on:
            chunks = ", ".join(map(str, sorted(forgotten)))
            raise RequestsForgotten(count=sum(forgotten.values()), groups=chunks)

    def is_asked_for(self, group: int) -> bool:
        """Whether an open claim awaits answers that the engine was asked for under this chunk."""
        with self._lock:
            return any(held.group == group for held in self._open.values())

    def open_claims(self) -> list[OpenClaim]:
        """The open claims, for the keeper."""
        with self._lock:
            return list(self._open.values())

    def wait_for_due(self) -> list[OpenClaim]:
        """Wait a tick, or less if there is much to write. Returns the claims that are due to be written."""
        with self._news:
            tick = time.monotonic() + self.rhythm.tick_seconds
            pause = min(map(self._due_at, self._open.values()), default=tick) - time.monotonic()
            if pause > 0 and not self.is_closing:
                self._news.wait(pause)
            now = time.monotonic()
            return [held for held in self._open.values() if self._due_at(held) <= now]

    def unanswered(self) -> list[Claim]:
        """The claims for which an engine still has to answer something."""
        with self._lock:
            return [held.claim for held in self._open.values() if not held.answered]

    def drain(self, held: OpenClaim) -> Unwritten:
        """Hand out what is unwritten of a claim, with all metrics, to be written now."""
        with self._lock:
            outcomes, parts = held.drain()
            metrics = self._measured.drain()
            cut = held.cut
        return Unwritten(OutcomeRows.of(outcomes), parts, metrics, cut)

    def drain_metrics(self) -> Metrics:
        """Hand out the unwritten metrics."""
        with self._lock:
            return self._measured.drain()

    def put_back(self, metrics: Metrics) -> None:
        """Take metrics back that could not be written."""
        with self._lock:
            self._measured.put_back(metrics)

    def close(self, held: OpenClaim, ending: Ending) -> None:
        """Close a claim that has ended."""
        with self._news:
            held.is_over = True
            # A lease may run out while the store is away, and this turn claim the chunk again before it is noticed.
            is_newest = self._open.get(held.claim.chunk_id) is held
            if is_newest:
                del self._open[held.claim.chunk_id]
            # The engine drops what is left of a claim that ended early. Of another, which a retry may claim once more
            # in this turn, it must not drop anything.
            self._changed = [other for other in self._changed if other is not held]
            if is_newest and ending in (Ending.DROPPED, Ending.LOST):
                self._changed.append(held)
            was_unread = ending == Ending.RELEASED and held.is_unread
            is_of_rest = held.group != held.claim.chunk_id
            is_asked_for_again = not is_of_rest and (ending == Ending.RELEASED or held.gives_back)
            if not was_unread and (ending == Ending.LOST or is_asked_for_again):
                # Claimed anew in this turn, its requests would be withdrawn, or settled, with the old ones.
                self._has_lost = True
            if ending == Ending.RELEASED:
                self.released.add(held.claim.job_id)
            self._note_change()

    def break_off(self, reason: Exception) -> None:
        """Have the next step raise this."""
        with self._news:
            self.interrupt = reason
            self._note_change()

    def end(self) -> None:
        """Let nothing wait any longer: the keeper's thread ends."""
        with self._news:
            self.is_closing = True
            self._note_change()

    def _note_change(self) -> None:
        self.changes += 1
        self._news.notify_all()

    def _wait_while_far_behind(self) -> None:
        while self._is_far_behind():
            self._news.wait(self.rhythm.tick_seconds)
            self.watch.note_step()  # waiting for the store is no stall

    def _is_far_behind(self) -> bool:
        if self.interrupt is not None or self.is_closing:
            return False
        return sum(held.waiting for held in self._open.values()) > self.rhythm.most_unwritten

    def _due_at(self, held: OpenClaim) -> float:
        """When a claim should be written, on the monotonic clock."""
        if held.answered or held.waiting >= self.rhythm.flush_outcomes or held.cut is not None:
            return 0.0
        return held.written_at + self.rhythm.tick_seconds
