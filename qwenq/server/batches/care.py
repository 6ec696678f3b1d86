"""The thread of a server that takes care of batches, until the server stops."""

import threading
from multiprocessing import forkserver
from multiprocessing.connection import wait
from types import TracebackType
from typing import Self

from qwenq.schemas.settings import Settings
from qwenq.server.batches.bell import Bell
from qwenq.server.batches.caretaker import Caretaker
from qwenq.server.batches.step_processes import STOPPING_SECONDS, StepProcesses
from qwenq.store.broker.broker import Broker
from qwenq.store.database.store import Store
from qwenq.store.files.storage import Storage

LOOK_SECONDS = 1.0
"""How often batches are looked at that nobody announced."""


class Care:
    """Has batches taken care of until the block ends: whenever the bell rings, a step ends, or a second has passed."""

    def __init__(
        self, store: Store, broker: Broker, storage: Storage, settings: Settings, bell: Bell
    ) -> None:
        self._steps = StepProcesses()
        self._caretaker = Caretaker(store, broker, storage, settings, self._steps)
        self._bell = bell
        self._ending = False
        self._thread = threading.Thread(target=self._run, name="caretaker", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._caretaker.forgetter.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ending = True
        self._bell.ring()
        self._caretaker.forgetter.stop()
        self._thread.join(STOPPING_SECONDS)
        self._steps.stop()

    def _run(self) -> None:
        # So that the first batch need not wait for it.
        forkserver.ensure_running()
        while not self._ending:
            self._caretaker.look_at_batches()
            self._caretaker.forgetter.wake()
            wait([self._bell.fileno(), *self._steps.sentinels()], LOOK_SECONDS)
            self._bell.hush()
