"""The keeper of a turn: the thread that writes its ledger to the store, so that the device never waits for it."""

import logging
import threading
import time
from collections.abc import Collection
from types import TracebackType
from typing import Self

from qwenq.schemas.chunks import Claim, Standing
from qwenq.schemas.errors import LeaseLost, WorkerStopping
from qwenq.schemas.log.events import Event
from qwenq.schemas.settings import Settings
from qwenq.schemas.states import WorkerState
from qwenq.worker.keeping.ledger import Ledger
from qwenq.worker.keeping.open_claim import OpenClaim
from qwenq.worker.patience import patiently
from qwenq.worker.store_process.client import Lane, StoreWork
from qwenq.worker.store_process.settling import Ending, Kept, Unwritten, keep_claim, write_metrics

_log = logging.getLogger("qwenq.worker")


class Keeper:
    """Writes outcomes, renews leases, closes claims and notices stops, for as long as the `with` block lasts.

    What happens to one claim (its lease is lost, its job cancelled) ends that claim alone. At `deadline`, on the
    monotonic clock, generation is broken off, for another task to go on with the rest.
    """

    def __init__(
        self, ledger: Ledger, store: StoreWork, model: str, settings: Settings, deadline: float
    ) -> None:
        self.ledger = ledger
        self._store = store
        self._model = model
        self._settings = settings
        self._deadline = deadline
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

    def settle_rest(self) -> Collection[int]:
        """At the end of a turn, finish claims whose documents all have outcomes, and give the others back.

        Returns the jobs whose chunks wait again. Raises StoreAway when the store did not come back.
        """
        self._join()
        interrupt = self.ledger.interrupt
        if interrupt is not None and not isinstance(interrupt, WorkerStopping):
            raise interrupt
        for held in self.ledger.open_claims():
            self._write(held, Ending.RELEASED)
        self._write_late_metrics()
        return self.ledger.released

    def flush(self) -> None:
        """Write what is unwritten and end the thread; claims stay open."""
        self._join()
        for held in self.ledger.open_claims():
            self._write(held, Ending.KEPT)

    def _join(self) -> None:
        self.ledger.end()
        self._thread.join()

    def _keep(self) -> None:
        try:
            while not self.ledger.is_closing:
                due = self.ledger.wait_for_due()
                self.ledger.watch.replace_process_if_stalled(self.ledger.unanswered())
                for held in due:
                    self._write(held, Ending.KEPT)
                if self.ledger.goes_on and time.monotonic() > self._deadline:
                    self.ledger.break_off(WorkerStopping(reason="this task's time is up; another goes on"))
        except Exception as error:  # noqa: BLE001 - whatever it is, the generating thread raises it
            self.ledger.break_off(error)

    def _write(self, held: OpenClaim, otherwise: Ending) -> None:
        """Write a claim in one transaction that holds its fence, renews its lease and may end it."""
        # A claim that awaits nothing and still has unfinished documents must not be kept forever.
        otherwise = Ending.RELEASED if held.answered else otherwise
        unwritten = self.ledger.drain(held)
        try:
            kept = self._keep_claim(held.claim, unwritten, otherwise)
        except LeaseLost:
            _log.warning(Event.CHUNK_LOST, extra=held.claim.ids)
            self.ledger.put_back(unwritten.metrics)
            self.ledger.close(held, Ending.LOST)
            return
        self.ledger.note_kept(held, kept)
        if kept.ending != Ending.KEPT:
            self.ledger.close(held, kept.ending)
        self._log_incomplete(held, kept.ending)
        self._heed(kept.standing)

    def _keep_claim(self, claim: Claim, unwritten: Unwritten, otherwise: Ending) -> Kept:
        for attempt in patiently(self._settings.patience_seconds):
            with attempt:
                kept = self._store.run(
                    Lane.KEEPING,
                    keep_claim,
                    claim,
                    unwritten,
                    self._model,
                    self._settings.lease_seconds,
                    otherwise,
                )
        return kept

    def _write_late_metrics(self) -> None:
        if metrics := self.ledger.drain_metrics():
            for attempt in patiently(self._settings.patience_seconds):
                with attempt:
                    self._store.run(Lane.KEEPING, write_metrics, self._model, metrics)

    def _log_incomplete(self, held: OpenClaim, ending: Ending) -> None:
        if ending == Ending.RELEASED and self.ledger.goes_on and not held.gives_back:
            _log.error(Event.CHUNK_INCOMPLETE, extra=held.claim.ids)

    def _heed(self, standing: Standing) -> None:
        if standing.worker != WorkerState.READY:
            self.ledger.break_off(WorkerStopping(reason=f"it is {standing.worker}"))
