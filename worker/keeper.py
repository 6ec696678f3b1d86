"""Keeps a claim while its documents are answered: writes outcomes, renews the lease, hears of a stop.

A thread of its own does this about once a second, so that the device never waits for the store.
"""

import logging
import os
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self, TypeVar

from sqlalchemy import Connection

from schemas.chunks import Claim, Standing
from schemas.errors import JobStopped, WorkerStopping
from schemas.requests import BatchMetrics, Completion, ModelInfo
from schemas.settings import Settings
from schemas.states import JobState, WorkerState
from store.batches import insert_batches
from store.claims import drop_chunk, finish_chunk, has_unfinished, hold_fence, release_chunk, standing_of
from store.database import Store
from store.results import insert_outcomes
from worker.patience import patiently

TICK_SECONDS = 1.0
FLUSH_OUTCOMES = 500
MOST_UNWRITTEN = 5_000
STALLED_EXIT_CODE = 70
BUSY_SHARE = 0.5

T = TypeVar("T")
_log = logging.getLogger("qwenq.worker")


class ClaimKeeper:
    """One claim's outcomes on their way to the store.

    The thread that generates calls `step`, `add` and `add_batch`, and ends with one of `finish`, `release` and
    `drop`, which raise LeaseLost when the claim was lost, and StoreAway when the store did not come back.
    Past `deadline`, on the monotonic clock, the chunk is put down for another task to go on with.
    """

    def __init__(
        self, store: Store, claim: Claim, model: ModelInfo, settings: Settings, deadline: float
    ) -> None:
        self.claim = claim
        self._store = store
        self._model = model
        self._settings = settings
        self._outcomes: list[Completion] = []
        self._batches: list[BatchMetrics] = []
        self._news = threading.Condition()
        self._closing = False
        self._interrupt: Exception | None = None
        self._deadline = deadline
        self._last_step = time.monotonic()
        self._cpu_seconds = time.process_time()
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

    def step(self) -> None:
        """Note that generation moves on. Raises what interrupts it: a ChunkInterrupted, or StoreAway."""
        self._last_step = time.monotonic()
        if self._last_step > self._deadline:
            raise WorkerStopping(reason="this task's time is used up; another goes on")
        if self._interrupt is not None:
            raise self._interrupt

    def add(self, outcome: Completion) -> None:
        """Take an outcome. Waits while the store is too far behind."""
        with self._news:
            self._outcomes.append(outcome)
            if len(self._outcomes) >= FLUSH_OUTCOMES:
                self._news.notify_all()
            while len(self._outcomes) > MOST_UNWRITTEN and self._interrupt is None:
                self._news.wait(TICK_SECONDS)
                self._last_step = time.monotonic()  # waiting for the store is no stall

    def add_batch(self, metrics: BatchMetrics) -> None:
        """Take a batch's metrics."""
        with self._news:
            self._batches.append(metrics)

    def finish(self) -> JobState | None:
        """Close the chunk. Returns the state in which its job ended, if this was the last one.

        A chunk with a document that got no outcome is given back instead, to be answered again.
        """
        return self._end(self._finish)

    def release(self) -> None:
        """Give the chunk back: another worker answers what has no outcome yet."""
        self._end(lambda connection: release_chunk(connection, self.claim))

    def drop(self) -> None:
        """Close the chunk of a cancelled job: what has no outcome is cancelled."""
        self._end(lambda connection: drop_chunk(connection, self.claim))

    def flush(self) -> None:
        """Write what waits and keep nothing running; the claim itself stays open."""
        self._end(lambda _: None)

    def _finish(self, connection: Connection) -> JobState | None:
        if has_unfinished(connection, self.claim):
            _log.error("chunk=%d has documents without an outcome: given back", self.claim.chunk_id)
            release_chunk(connection, self.claim)
            return None
        return finish_chunk(connection, self.claim)

    def _end(self, ending: Callable[[Connection], T]) -> T:
        self._join()
        return self._write(ending)

    def _join(self) -> None:
        with self._news:
            self._closing = True
            self._news.notify_all()
        self._thread.join()

    def _keep(self) -> None:
        try:
            while self._wait_for_news():
                self._replace_process_if_stalled()
                self._heed(self._write(lambda connection: standing_of(connection, self.claim)))
        except Exception as error:  # noqa: BLE001 - the generating thread raises it, whatever it is
            self._interrupt = error

    def _wait_for_news(self) -> bool:
        """Wait a tick, or less when many outcomes are there; False when the keeper ends."""
        with self._news:
            if not self._closing and len(self._outcomes) < FLUSH_OUTCOMES:
                self._news.wait(TICK_SECONDS)
            return not self._closing

    def _write(self, ending: Callable[[Connection], T]) -> T:
        """Write what waits, in one transaction that holds the fence and renews the lease."""
        with self._news:
            outcomes, self._outcomes = self._outcomes, []
            metrics, self._batches = self._batches, []
        for attempt in patiently():
            with attempt, self._store.writing() as connection:
                hold_fence(connection, self.claim, self._settings.lease_seconds)
                insert_outcomes(connection, self.claim, outcomes)
                insert_batches(connection, self.claim, self._model.model, metrics)
                ended = ending(connection)
        with self._news:
            self._news.notify_all()
        return ended

    def _heed(self, standing: Standing) -> None:
        if standing.job == JobState.CANCELLED:
            self._interrupt = JobStopped(job_id=self.claim.job_id, state=standing.job)
        elif standing.worker != WorkerState.READY:
            self._interrupt = WorkerStopping(reason=f"it is {standing.worker}")

    def _replace_process_if_stalled(self) -> None:
        """End a process whose device hangs: Celery starts another, and the lease runs out."""
        if self._model.device == "cpu" and self._computes():
            self._last_step = time.monotonic()
        stalled = time.monotonic() - self._last_step
        if stalled <= self._settings.stall_seconds:
            return
        _log.critical(
            "chunk=%d attempt=%d made no step for %.0f s (QWENQ_STALL_SECONDS=%.0f): the process is replaced",
            self.claim.chunk_id, self.claim.attempt, stalled, self._settings.stall_seconds,
        )  # fmt: skip
        os._exit(STALLED_EXIT_CODE)

    def _computes(self) -> bool:
        """Whether the process used the processor since the last look: on a CPU, one long step is no stall."""
        used, self._cpu_seconds = time.process_time() - self._cpu_seconds, time.process_time()
        return used > BUSY_SHARE * TICK_SECONDS
