"""What a worker's parent process does beside Celery: heartbeat, rescue of lost chunks, stopping in time.

The working process cannot do this: it is busy for minutes.
"""

import logging
import os
import random
import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from types import TracebackType
from typing import Any, Self

import psutil

from qwenq.schemas.errors import (
    BrokerAway,
    ModelUnavailable,
    ServiceAway,
    StoreAway,
    StoreNotCreated,
    StoreVersionMismatch,
    WorkerBroke,
    WorkerDeaf,
    WorkerGaveUp,
)
from qwenq.schemas.log.events import Event
from qwenq.schemas.settings import Settings
from qwenq.store.broker.broker import Broker
from qwenq.store.broker.reconcile import reconcile
from qwenq.store.database.store import Store
from qwenq.store.database.version import check_version
from qwenq.store.life import workers
from qwenq.store.life.rescue import release_held_by
from qwenq.store.views.fleet.workers import device_of
from qwenq.store.views.work.stranded import has_lost_claims
from qwenq.worker.parent.children import STOPPING_SIGNALS, watch_children, working_processes
from qwenq.worker.parent.engine_trial import EngineTrial, TryEngine
from qwenq.worker.parent.idle_watch import IdleWatch
from qwenq.worker.parent.memory_taken import memory_taken
from qwenq.worker.parent.starts import Starts
from qwenq.worker.reach import Reach

LONGEST_TICK_SECONDS = 2.0
"""Between two looks for expired leases: a lost worker's chunk should not wait much longer than its lease."""
LOOK_AT_BROKER_SECONDS = 10.0
KILLED_SECONDS = 5.0
"""A killed process ends within this time, or hangs in a driver of its device."""

FORGOTTEN = (
    "It showed no sign of life for so long that `qwenq db prune` removed it from the store. Start it again."
)

_log = logging.getLogger("qwenq.worker")


class Housekeeping:
    """A thread of the parent process that starts before the working process and ends after it.

    `refusal` is why it stopped the worker by itself, if it did.
    """

    def __init__(
        self, store: Store, broker: Broker, settings: Settings, worker_id: int, try_engine: TryEngine
    ) -> None:
        self._store = store
        self._broker = broker
        self._settings = settings
        self._worker_id = worker_id
        self._next_reconcile = time.monotonic()
        self._next_look_at_broker = time.monotonic()
        self._reach = Reach()
        self._idle_watch = IdleWatch(store, broker, worker_id, settings.model or "")
        self.refusal: ServiceAway | WorkerBroke | None = None
        self._stopping = threading.Event()
        self._wake = threading.Event()
        self._starts = Starts()
        self._trial = EngineTrial(settings, self._starts, try_engine, self._wake.set)
        self._stopped_children: list[int] = []
        self._dead_children: list[tuple[int, int]] = []
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="housekeeping", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ended.set()
        self._stopping.set()
        self._wake.set()
        self._thread.join()
        self._starts.close()
        with self._store.writing() as connection:
            workers.note_stopped(connection, self._worker_id)

    def on_shutting_down(self, **_: object) -> None:
        """Note that Celery is shutting the worker down; safe to call in a signal handler."""
        self._stopping.set()
        self._wake.set()

    def on_ready(self, sender: Any, **_: object) -> None:
        """Note Celery's consumer when it begins to take messages."""
        self._idle_watch.consumer = sender
        self._watch_children()

    def _watch_children(self) -> None:
        if self._idle_watch.consumer is not None:
            watch_children(self._idle_watch.consumer.pool, self._on_child_ended)

    def _on_child_ended(self, pid: int, code: int) -> None:
        if -code in STOPPING_SIGNALS:
            self._stopped_children.append(pid)
        else:
            self._dead_children.append((pid, code))
        self._wake.set()

    def _run(self) -> None:
        tick = min(LONGEST_TICK_SECONDS, self._settings.lease_seconds / 4)
        while not self._stopping.is_set():
            self._attempt(self._stop_if_upgraded)
            self._attempt(self._beat_heart)
            self._attempt(self._reconcile_when_due)
            self._attempt(self._look_at_broker_when_due)
            self._attempt(self._leave_if_deaf)
            self._attempt(self._watch_children)
            self._wake.wait(tick)
            self._wake.clear()
            self._attempt(self._release_for_stopped_children)
            self._attempt(self._leave_if_none_starts)
            self._attempt(self._leave_if_engine_is_broken)
        if not self._ended.is_set():
            self._attempt(self._note_stopping)
            self._end_working_process_in_time()

    def _stop_if_upgraded(self) -> None:
        """Stop politely when the store was upgraded to another version while this worker ran."""
        try:
            check_version(self._store)
        except (StoreNotCreated, StoreVersionMismatch) as other:
            self._refuse(other)

    def _beat_heart(self) -> None:
        """Note that this process lives. A worker that a prune has removed stops: it can claim nothing more."""
        with self._store.writing() as connection:
            device = device_of(connection, self._worker_id)
            known = workers.beat_heart(
                connection, self._worker_id, memory_taken(device), self._reach.broker_error
            )
        self._reach.note_answer(StoreAway)
        if not known:
            self._refuse(WorkerGaveUp(reason=FORGOTTEN))

    def _leave_if_deaf(self) -> None:
        try:
            self._idle_watch.look()
        except WorkerDeaf as deaf:
            self._refuse(deaf)

    def _leave_if_none_starts(self) -> None:
        """Stop when a working process died while it loaded the model: each other would die, too."""
        while self._dead_children and not self._stopping.is_set():
            reason = self._starts.why_hopeless(*self._dead_children.pop(0))
            if reason is not None:
                self._refuse_model(reason)

    def _leave_if_engine_is_broken(self) -> None:
        """Stop when no working process could load the engine's libraries, before the first job comes."""
        if self._idle_watch.consumer is None or self._stopping.is_set():
            return
        reason = self._trial.why_hopeless()
        if reason is not None:
            self._refuse_model(reason)

    def _refuse_model(self, reason: str) -> None:
        self._refuse(ModelUnavailable(model=self._settings.model or "", reason=reason))
        with self._store.writing() as connection:
            workers.note_failed(connection, self._worker_id, reason)

    def _refuse(self, reason: ServiceAway | WorkerBroke) -> None:
        _log.critical(Event.WORKER_LEAVES, extra={"worker": self._worker_id, "reason": str(reason)})
        self.refusal = reason
        self._stopping.set()
        self._wake.set()
        os.kill(os.getpid(), signal.SIGTERM)

    def _release_for_stopped_children(self) -> None:
        """Give back what working processes held that somebody stopped: that was no fault of a document."""
        if self._stopped_children:
            with self._store.writing() as connection:
                released = release_held_by(connection, self._worker_id)
            facts = {"worker": self._worker_id, "stopped_pid": self._stopped_children[-1], "chunks": released}
            self._stopped_children.clear()
            _log.warning(Event.WORKER_CHILD_STOPPED, extra=facts)

    def _note_stopping(self) -> None:
        with self._store.writing() as connection:
            workers.note_stopping(connection, self._worker_id)

    def _reconcile_when_due(self) -> None:
        """Reconcile about every half lease, and as soon as a lease has expired."""
        if time.monotonic() < self._next_reconcile:
            with self._store.reading() as connection:
                if not has_lost_claims(connection):
                    return
        # Workers that started together should not all reconcile at the same moment.
        pause = self._settings.lease_seconds * random.uniform(0.4, 0.6)  # noqa: S311
        self._next_reconcile = time.monotonic() + pause
        report = reconcile(self._store, self._broker, self._settings)
        if report.found:
            _log.info(Event.STORE_RECONCILED, extra=asdict(report))

    def _look_at_broker_when_due(self) -> None:
        """Check now and then that the broker answers: between two chunks, nothing else would notice."""
        if time.monotonic() >= self._next_look_at_broker:
            self._next_look_at_broker = time.monotonic() + LOOK_AT_BROKER_SECONDS
            self._broker.ping()
            self._reach.note_answer(BrokerAway)

    def _attempt(self, duty: Callable[[], None]) -> None:
        try:
            duty()
        except (StoreAway, BrokerAway) as away:
            self._reach.note_away(away)
        except Exception:  # noqa: BLE001 - a fault in one duty must not end the others
            _log.error(Event.DUTY_FAILED, exc_info=True)

    def _end_working_process_in_time(self) -> None:
        """Kill a working process that does not release its chunks in time, and release them for it."""
        if self._ended.wait(self._settings.stop_seconds):
            return
        for child in working_processes():
            facts = {
                "worker": self._worker_id,
                "killed_pid": child.pid,
                "seconds": self._settings.stop_seconds,
            }
            _log.error(Event.WORKER_KILLED, extra=facts)
            with suppress(psutil.Error):
                child.kill()
                child.wait(KILLED_SECONDS)
            self._stopped_children.append(child.pid)
        self._attempt(self._release_for_stopped_children)
