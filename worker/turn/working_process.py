"""The working process of a worker: it keeps the model resident, and does one turn for each task."""

import logging
import os
import sys
from collections.abc import Collection

from qwenq.schemas.chunks import CRASHES_IN_COMPANY, Assignment
from qwenq.schemas.errors import BrokerAway, StoreAway
from qwenq.schemas.log.events import Event
from qwenq.schemas.repeating import repeating
from qwenq.schemas.requests import ModelInfo
from qwenq.schemas.settings import Settings
from qwenq.store.broker.broker import Broker
from qwenq.store.broker.reconcile import announce_job
from qwenq.store.database.store import Store
from qwenq.store.life import rescue, workers
from qwenq.store.views.fleet.idle import count_idle
from qwenq.store.views.work.next_job import next_job
from qwenq.worker.heap import freeze_heap
from qwenq.worker.keeping.keeper import Keeper
from qwenq.worker.keeping.ledger import Ledger
from qwenq.worker.keeping.pace import Pace
from qwenq.worker.keeping.progress import LAST_WORD_SECONDS, ReportProgress, TurnProgress, reporting
from qwenq.worker.keeping.rhythm import Rhythm
from qwenq.worker.keeping.stalling import StallWatch
from qwenq.worker.patience import patiently
from qwenq.worker.store_process.claiming import ANY_CRASHES, Terms
from qwenq.worker.store_process.client import StoreProcess
from qwenq.worker.turn.claimant import Claimant
from qwenq.worker.turn.load_reporter import LoadReporter
from qwenq.worker.turn.resident import ResidentModel
from qwenq.worker.turn.sharing import Sharing
from qwenq.worker.turn.turn import Turn
from qwenq.worker.turn.urgent_watch import UrgentWatch
from qwenq.worker.turn.watchdog import watchdog

BROKEN_EXIT_CODE = 71
SWITCH_SECONDS = 0.001
"""How long a thread waits for the interpreter while generation holds it: a fifth of Python's default."""

_log = logging.getLogger("qwenq.worker")


class WorkingProcess:
    """What one child process of a worker keeps from task to task.

    Making it loads the model, and rescues what an earlier process of the worker held. Raises StoreAway,
    ModelUnavailable, InvalidSetting, SelfCheckFailed, and what a broken installation raises.
    """

    def __init__(self, settings: Settings, worker_id: int) -> None:
        self._settings = settings
        self._worker_id = worker_id
        self._store = Store.of(settings)
        self._broker = Broker(settings)
        self._store_process = StoreProcess(self._store)
        self._store_process.start()
        self._resident, self._info = self._load()
        terms = Terms(self._info.model, worker_id, settings.lease_seconds, self._info.weights)
        self._claimant = Claimant(self._store_process, terms)
        self._urgent = UrgentWatch(self._broker, self._info.model, self._waits_urgently)
        self._urgent.start()
        self._pace = Pace()
        self._rescue_own()
        freeze_heap()
        sys.setswitchinterval(SWITCH_SECONDS)

    def _load(self) -> tuple[ResidentModel, ModelInfo]:
        """Load the model, try it, and note in the store that it is ready."""
        loading = LoadReporter(self._store, self._worker_id)
        with repeating("load reporter", loading.write):
            resident = ResidentModel(self._settings.model or "", self._settings, loading.note)
            info = resident.load()
        speed = resident.check(info, self._settings.stall_seconds)
        for attempt in patiently(self._settings.patience_seconds):
            with attempt, self._store.writing() as connection:
                workers.note_model_loaded(connection, self._worker_id, info, speed)
        return resident, info

    def answer(self, chunk_id: int, deadline: float, report: ReportProgress) -> TurnProgress | None:
        """Do a turn: claim this chunk or another that waits, answer it, and go on while chunks wait.

        Returns how far the turn came. None: nothing was left to claim, which is no error. `report` is called with the
        progress every few seconds. At `deadline`, on the monotonic clock, what is unanswered is released. Raises
        StoreAway when the store stays away.
        """
        first = self._claim(chunk_id)
        if first is None:
            _log.info(Event.CHUNK_ABSENT, extra={"chunk": chunk_id})
            return None
        watch = StallWatch(self._info.device, self._settings.stall_seconds)
        ledger = Ledger(watch, Rhythm(), self._pace)
        keeper = Keeper(ledger, self._store_process, self._info.model, self._settings, deadline)
        sharing = Sharing(ledger, self._count_idle, self._announce)
        share_seconds = ledger.rhythm.share_seconds
        with (
            watchdog(self._settings.stall_seconds),
            keeper,
            reporting(ledger.progress, report),
            repeating("sharing", sharing.look, share_seconds, LAST_WORD_SECONDS),
        ):
            turn = Turn(self._store, self._info, self._resident, self._claimant, ledger, first)
            with self._urgent.heeded_by(turn.hurry, self._resident.hurry):
                released = self._work(turn, keeper)
        for job_id in released:
            self._announce(job_id)
        return ledger.progress()

    def _claim(self, chunk_id: int) -> Assignment | None:
        for attempt in patiently(self._settings.patience_seconds):
            with attempt:
                assignment = self._claimant.claim(chunk_id)
        return assignment

    def _work(self, turn: Turn, keeper: Keeper) -> Collection[int]:
        """Answer and settle. Returns the jobs whose chunks were given back."""
        try:
            turn.answer(self._resident)
            return keeper.settle_rest()
        except StoreAway:
            raise  # it is no chunk's fault, and the leases expire
        except Exception:  # noqa: BLE001 - whatever it is
            # As far as the engine can tell it is no single document's fault, and the device may be broken for good. A
            # fresh process goes on. This counts as a crash, so that halving finds a document that causes it.
            _log.critical(Event.ENGINE_BROKE, exc_info=True)
            try:
                keeper.flush()
            finally:
                os._exit(BROKEN_EXIT_CODE)

    def _rescue_own(self) -> None:
        for attempt in patiently(self._settings.patience_seconds):
            with attempt, self._store.writing() as connection:
                rescue.rescue_held_by(connection, self._worker_id, self._settings.max_crashes)

    def _count_idle(self) -> int:
        try:
            with self._store.reading() as connection:
                return count_idle(connection, self._info.model, ANY_CRASHES, self._worker_id)
        except StoreAway:
            return 0

    def _waits_urgently(self) -> bool:
        try:
            with self._store.reading() as connection:
                urgent = next_job(connection, self._info.model, CRASHES_IN_COMPANY, urgent_only=True)
        except StoreAway:
            return False
        return urgent is not None

    def _announce(self, job_id: int) -> None:
        try:
            announce_job(self._store, self._broker, job_id)
        except (BrokerAway, StoreAway) as away:
            _log.warning(Event.JOB_UNANNOUNCED, extra={"job": job_id, "reason": str(away)})
