"""Keeps claims while their documents are answered: writes outcomes, renews leases, settles, hears of a stop.

A thread of its own does this about once a second, so that the device never waits for the store.
"""

import logging
import threading
import time
from collections.abc import Callable, Collection
from types import TracebackType
from typing import Self

from qwenq.schemas.chunks import Assignment, Claim, Standing
from qwenq.schemas.errors import LeaseLost, RequestsForgotten, WorkerStopping
from qwenq.schemas.log.events import Event
from qwenq.schemas.outcomes import Outcome
from qwenq.schemas.parts import Part, PartAnswer
from qwenq.schemas.requests import BatchMetrics, ModelInfo
from qwenq.schemas.settings import Settings
from qwenq.schemas.states import JobState, WorkerState
from qwenq.store.outcomes.outcome_rows import OutcomeRows
from qwenq.worker.keeping.measured import Measured
from qwenq.worker.keeping.open_claim import OpenClaim
from qwenq.worker.keeping.progress import ProgressCount, TurnProgress
from qwenq.worker.keeping.stalling import StallWatch
from qwenq.worker.patience import patiently
from qwenq.worker.store_process.client import Lane, StoreWork
from qwenq.worker.store_process.settling import Ending, Kept, Unwritten, keep_claim, write_metrics

TICK_SECONDS = 1.0
FLUSH_OUTCOMES = 500
MOST_UNWRITTEN = 5_000

_log = logging.getLogger("qwenq.worker")


class Keeper:
    """The open claims of one turn, whose outcomes go to the store as they come.

    The thread that reads requests calls `open`, `expect`, `put_down`, and `add` for what fails at once; the one that
    generates `step`, `add` and `add_batch`, and in the end `settle_rest`. What concerns one claim (its lease is lost,
    its job cancelled) ends that one only. Past `deadline`, on the monotonic clock, all is put down for another task to
    go on with.
    """

    def __init__(self, store: StoreWork, model: ModelInfo, settings: Settings, deadline: float) -> None:
        self._store = store
        self._model = model
        self._settings = settings
        self._deadline = deadline
        self._watch = StallWatch(model.device, settings.stall_seconds)
        self._changing = threading.RLock()
        self._news = threading.Condition(self._changing)
        self._open: dict[int, OpenClaim] = {}
        self._measured = Measured()
        self._progress = ProgressCount()
        self._withdrawn: list[int] = []
        self._newly_paused: list[Claim] = []
        self._released: set[int] = set()
        self._interrupt: Exception | None = None
        self._wants_more = True
        self._closing = False
        self._thread = threading.Thread(target=self._keep, name="keeper", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._join()

    def open(self, assignment: Assignment) -> None:
        """Keep one more claim from now on."""
        held = OpenClaim(assignment)
        with self._news:
            self._watch.note_step()
            self._progress.begin(assignment)
            self._open[assignment.claim.chunk_id] = held
            self._measured.expect(assignment.claim)
            self._news.notify_all()

    def is_open(self, claim: Claim) -> bool:
        """Whether the claim's documents should still be answered."""
        return claim.chunk_id in self._open

    def is_paused(self, claim: Claim) -> bool:
        """Whether the claim's job is paused, as far as is known: nothing more of it should begin."""
        held = self.held(claim)
        return held is not None and held.paused

    def held(self, claim: Claim) -> OpenClaim | None:
        """How the claim stands; None of one that is no longer open."""
        return self._open.get(claim.chunk_id)

    def newly_paused(self) -> Collection[Claim]:
        """The claims whose job was paused since the last call: the engine is to begin nothing more of them."""
        if not self._newly_paused:
            return ()
        with self._news:
            paused, self._newly_paused = self._newly_paused, []
        return paused

    def keep_only(self, claim: Claim, keys: Collection[int]) -> None:
        """Let all requests of a claim go but these, which are begun; once they are answered, it is given back."""
        with self._news:
            held = self._open.get(claim.chunk_id)
            if held is not None:
                held.keep_only(keys)
                self._news.notify_all()

    def put_down(self, claim: Claim, keys: Collection[int]) -> None:
        """Let these documents of a claim go, which nobody has asked an engine for; it is given back in the end."""
        with self._news:
            held = self._open.get(claim.chunk_id)
            if held is not None:
                held.put_down(keys)
                self._news.notify_all()

    @property
    def wants_more(self) -> bool:
        """Whether more claims may be opened: not once generation is to be broken off, nor after one was lost."""
        return self._wants_more and self._interrupt is None

    def claims(self) -> tuple[Claim, ...]:
        """The open claims."""
        with self._news:
            return tuple(held.claim for held in self._open.values())

    @property
    def goes_on(self) -> bool:
        """Whether what is open should be answered to its end: not once generation is to be broken off."""
        return self._interrupt is None

    def wait_until_others(
        self, known: Collection[Claim], seconds: float, anything: Callable[[], bool] = lambda: False
    ) -> None:
        """Wait until the open claims are no longer these, or there is anything to ask; not longer than some seconds."""
        with self._news:
            self._news.wait_for(
                lambda: (
                    not self.goes_on
                    or anything()
                    or {held.claim for held in self._open.values()} != set(known)
                ),
                seconds,
            )

    def note_progress(self) -> None:
        """Note that the reading of requests moves on, for which generation may have to wait."""
        self._watch.note_step()

    def step(self) -> Collection[int]:
        """Note that generation moves on. Returns the chunks that are to be withdrawn from it.

        Raises what breaks generation off: WorkerStopping or StoreAway.
        """
        self._watch.note_step()
        if time.monotonic() > self._deadline:
            self._break_off(WorkerStopping(reason="this task's time is used up; another goes on"))
        if self._interrupt is not None:
            raise self._interrupt
        if not self._withdrawn:
            return ()
        with self._news:
            withdrawn, self._withdrawn = self._withdrawn, []
        return withdrawn

    def add(self, outcome: Outcome) -> None:
        """Take an outcome; of a claim that is no longer open, it is dropped. Waits while the store is far behind.

        That is looked at when a claim has a good deal to write: what waits is bounded by that of all claims.
        """
        with self._changing:
            held = self._open.get(outcome.chunk_id)
            if held is None:
                return
            held.add(outcome)
            self._progress.add(outcome)
            if held.answered or held.waiting >= FLUSH_OUTCOMES:
                self._news.notify_all()
                self._wait_while_far_behind()

    def expect(self, group: int, keys: Collection[int]) -> None:
        """Know of requests for parts of a claim's documents, which are answered under keys of their own."""
        with self._news:
            held = self._open.get(group)
            if held is not None:
                held.expect(keys)

    def add_part(self, group: int, key: int, part: Part, answer: PartAnswer) -> None:
        """Take the answer to a part; it is written like an outcome, and settles nothing."""
        with self._news:
            held = self._open.get(group)
            if held is not None:
                held.add_part(key, part, answer)
                self._news.notify_all()
                if held.waiting >= FLUSH_OUTCOMES:
                    self._wait_while_far_behind()

    def progress(self) -> TurnProgress | None:
        """How far the turn is; None before its first claim."""
        with self._news:
            return self._progress.now()

    def add_batch(self, metrics: BatchMetrics) -> None:
        """Take a group's metrics, those of its last step perhaps after its claim is settled."""
        with self._news:
            self._measured.add(metrics)

    def check_answered(self) -> None:
        """Raise RequestsForgotten if a document that was to be answered is not, though generation ended by itself."""
        with self._news:
            forgotten = {held.claim.chunk_id: held.awaited for held in self._open.values() if held.awaited}
        if forgotten and self.goes_on:
            chunks = ", ".join(map(str, sorted(forgotten)))
            raise RequestsForgotten(count=sum(forgotten.values()), groups=chunks)

    def settle_rest(self) -> Collection[int]:
        """End what is still open: what has all outcomes is finished, the rest given back. For the end of a turn.

        Returns the jobs of which chunks wait again. Raises StoreAway when the store did not come back.
        """
        self._join()
        if self._interrupt is not None and not isinstance(self._interrupt, WorkerStopping):
            raise self._interrupt
        for held in tuple(self._open.values()):
            self._write(held, Ending.RELEASED)
        self._write_late_metrics()
        return self._released

    def flush(self) -> None:
        """Write what waits and keep nothing running; claims stay open."""
        self._join()
        for held in tuple(self._open.values()):
            self._write(held, Ending.KEPT)

    def _wait_while_far_behind(self) -> None:
        while self._is_far_behind():
            self._news.wait(TICK_SECONDS)
            self._watch.note_step()  # waiting for the store is no stall

    def _is_far_behind(self) -> bool:
        if self._interrupt is not None or self._closing:
            return False
        return sum(held.waiting for held in self._open.values()) > MOST_UNWRITTEN

    def _join(self) -> None:
        with self._news:
            self._closing = True
            self._news.notify_all()
        self._thread.join()

    def _keep(self) -> None:
        try:
            while not self._closing:
                due = self._wait_for_due()
                self._watch.replace_process_if_stalled(self._unanswered())
                for held in due:
                    self._write(held, Ending.KEPT)
        except Exception as error:  # noqa: BLE001 - the generating thread raises it, whatever it is
            self._break_off(error)

    def _wait_for_due(self) -> list[OpenClaim]:
        """Wait a tick, or less when much is there to write; the claims that it is time to write."""
        with self._news:
            soonest = min(map(_due_at, self._open.values()), default=time.monotonic() + TICK_SECONDS)
            pause = soonest - time.monotonic()
            if pause > 0 and not self._closing:
                self._news.wait(pause)
            now = time.monotonic()
            return [held for held in self._open.values() if _due_at(held) <= now]

    def _unanswered(self) -> list[Claim]:
        with self._news:
            return [held.claim for held in self._open.values() if not held.answered]

    def _write(self, held: OpenClaim, otherwise: Ending) -> None:
        """Write what waits of a claim, in one transaction that holds its fence, renews its lease and may end it."""
        with self._news:
            # Whatever has each outcome and yet no end in the store must not be kept for ever.
            otherwise = Ending.RELEASED if held.answered else otherwise
            outcomes, parts = held.take(), held.take_parts()
            metrics = self._measured.take()
        unwritten = Unwritten(OutcomeRows.of(outcomes), parts, metrics)
        try:
            kept = self._keep_claim(held.claim, unwritten, otherwise)
        except LeaseLost:
            _log.warning(Event.CHUNK_LOST, extra=held.claim.ids)
            self._close(held, Ending.LOST)
            with self._news:
                self._measured.put_back(metrics)
        else:
            self._note_pause(held, kept.standing)
            self._close(held, kept.ending)
            self._tell_incomplete(held, kept.ending)
            self._heed(kept.standing)

    def _keep_claim(self, claim: Claim, unwritten: Unwritten, otherwise: Ending) -> Kept:
        for attempt in patiently(self._settings.patience_seconds):
            with attempt:
                kept = self._store.run(
                    Lane.KEEPING,
                    keep_claim,
                    claim,
                    unwritten,
                    self._model.model,
                    self._settings.lease_seconds,
                    otherwise,
                )
        return kept

    def _note_pause(self, held: OpenClaim, standing: Standing) -> None:
        with self._news:
            was_paused, held.paused = held.paused, standing.job == JobState.PAUSED
            if held.paused and not was_paused:
                self._newly_paused.append(held.claim)

    def _write_late_metrics(self) -> None:
        if metrics := self._measured.take():
            for attempt in patiently(self._settings.patience_seconds):
                with attempt:
                    self._store.run(Lane.KEEPING, write_metrics, self._model.model, metrics)

    def _close(self, held: OpenClaim, ending: Ending) -> None:
        with self._news:
            if ending != Ending.KEPT:
                held.open = False
                del self._open[held.claim.chunk_id]
            if ending in (Ending.DROPPED, Ending.LOST):
                self._withdrawn.append(held.claim.chunk_id)
            if ending in (Ending.LOST, Ending.RELEASED):
                # Claimed anew in this turn, its requests would be withdrawn, or settled, with the old ones.
                self._wants_more = False
            if ending == Ending.RELEASED:
                self._released.add(held.claim.job_id)
            self._news.notify_all()

    def _tell_incomplete(self, held: OpenClaim, ending: Ending) -> None:
        if ending == Ending.RELEASED and self._interrupt is None and not held.gives_back:
            _log.error(Event.CHUNK_INCOMPLETE, extra=held.claim.ids)

    def _heed(self, standing: Standing) -> None:
        if standing.worker != WorkerState.READY:
            self._break_off(WorkerStopping(reason=f"it is {standing.worker}"))

    def _break_off(self, reason: Exception) -> None:
        with self._news:
            self._interrupt = reason
            self._news.notify_all()


def _due_at(held: OpenClaim) -> float:
    """When a claim should be written, on the monotonic clock."""
    if held.answered or held.waiting >= FLUSH_OUTCOMES:
        return 0.0
    return held.written_at + TICK_SECONDS
