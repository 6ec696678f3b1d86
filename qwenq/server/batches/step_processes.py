"""Takes steps of batches in processes of their own, so that a large or slow input holds nobody up."""

import logging
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess

from qwenq.producer.signals import Interrupted, Signals
from qwenq.schemas.errors import QwenqError
from qwenq.schemas.log.lines import exception_words, is_logging, set_up_logging
from qwenq.schemas.machine.forks import ASKING, FORKS, end_with_parent
from qwenq.schemas.service.stored import HeldBatch
from qwenq.schemas.settings import Settings
from qwenq.server.batches.steps import Step, take_step
from qwenq.store.broker.broker import Broker
from qwenq.store.database.store import Store
from qwenq.store.files.storage import Storage

MOST_STEPS = 8
QUICK_STEPS = 2
SLOW_SECONDS = 5.0
"""A step that has taken so long leaves its place to a quick one, as long as there are fewer than MOST_STEPS."""
STOPPING_SECONDS = 5.0
"""How long a step that was asked to stop may take to remove what it stored, and to let go of its batch."""

_log = logging.getLogger("qwenq.server")


@dataclass(frozen=True, slots=True)
class _Running:
    process: BaseProcess
    batch_id: str
    began: float


class StepProcesses:
    """At most MOST_STEPS processes, one a step, of which at most QUICK_STEPS began lately. Threads may share it."""

    def __init__(self) -> None:
        self._running: list[_Running] = []

    def may_begin(self) -> bool:
        """Whether there is a place for one more step."""
        with ASKING:
            self._forget_ended()
            lately = time.monotonic() - SLOW_SECONDS
            quick = sum(one.began > lately for one in self._running)
            return quick < QUICK_STEPS and len(self._running) < MOST_STEPS

    def begin(self, settings: Settings, step: Step, held: HeldBatch) -> None:
        """Begin a step. If its process dies, another takes the batch when its lease has run out."""
        process = FORKS.Process(target=_run, args=(settings, step, held, is_logging()), daemon=True)
        with ASKING:
            process.start()
            self._running.append(_Running(process, held.batch.id, time.monotonic()))

    def sentinels(self) -> Sequence[int]:
        """What to wait on for the end of any step."""
        with ASKING:
            self._forget_ended()
            return [one.process.sentinel for one in self._running]

    def stop(self) -> None:
        """Have all steps let go of their batches; kill those that do not."""
        with ASKING:
            running, self._running = self._running, []
            for one in running:
                one.process.terminate()
        ends = time.monotonic() + STOPPING_SECONDS
        for one in running:
            wait([one.process.sentinel], max(0.0, ends - time.monotonic()))
        with ASKING:
            for one in running:
                one.process.kill()

    def _forget_ended(self) -> None:
        ended = [one for one in self._running if not one.process.is_alive()]
        for one in ended:
            if one.process.exitcode:
                _log.error("a step of %s died with exit code %s", one.batch_id, one.process.exitcode)
        self._running = [one for one in self._running if one not in ended]


def _run(settings: Settings, step: Step, held: HeldBatch, is_logging: bool) -> None:  # noqa: FBT001
    """Take a step in this process."""
    signals = Signals()
    signals.install_for_process()
    threading.Thread(target=end_with_parent, args=(STOPPING_SECONDS,), daemon=True).start()
    if is_logging:
        set_up_logging(settings.log_format, settings.log_level)
    with suppress(Interrupted):
        try:
            with Store.of(settings) as store, Broker(settings) as broker:
                take_step(store, broker, Storage.of(settings), settings, step, held)
        except QwenqError as error:
            _log.warning("%s of %s: %s", step, held.batch.id, error)
        except Exception as error:  # noqa: BLE001 - as any crash: another process takes the batch later
            _log.error("%s of %s: unforeseen: %s", step, held.batch.id, exception_words(error))
