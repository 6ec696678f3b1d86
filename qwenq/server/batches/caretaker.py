"""Take care of batches: validate, expire and finalize them, whichever process created them or left them half done."""

import logging
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

from qwenq.schemas.errors import BatchLost, QwenqError, StoreAway
from qwenq.schemas.log.lines import exception_words
from qwenq.schemas.settings import Settings
from qwenq.server.batches.finalizing import finalize
from qwenq.server.batches.forgetting import Forgetter
from qwenq.server.batches.validating import validate
from qwenq.store.api_batches.life import expire_next, hold_to_finalize, hold_to_validate, read_to_do
from qwenq.store.broker.broker import Broker
from qwenq.store.database.store import Store
from qwenq.store.files.storage import Storage
from qwenq.store.life.questions import cancel_abandoned

LOOK_SECONDS = 1.0
"""How often batches are looked at that nobody announced."""

_log = logging.getLogger("qwenq.server")


class Caretaker:
    """Takes care of batches in a thread of its own until the block ends. Any number of processes may do so at once."""

    def __init__(self, store: Store, broker: Broker, storage: Storage, settings: Settings) -> None:
        self._store = store
        self._broker = broker
        self._storage = storage
        self._settings = settings
        self.forgetter = Forgetter(store, storage)
        self._woken = threading.Event()
        self._ending = False
        self._thread = threading.Thread(target=self._run, name="caretaker", daemon=True)

    def wake(self) -> None:
        """Look at batches now: one was created, or cancelled."""
        self._woken.set()

    def __enter__(self) -> Self:
        self._thread.start()
        self.forgetter.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # Not joined: a step that is broken off is taken up by another process when its lease runs out.
        self._ending = True
        self._woken.set()
        self.forgetter.stop()

    def _run(self) -> None:
        while not self._ending:
            self._look_at_batches()
            self._woken.wait(LOOK_SECONDS)
            self._woken.clear()

    def look(self) -> None:
        """Do what there is to do, in this thread."""
        self._look_at_batches()
        self.forgetter.look()

    def _look_at_batches(self) -> None:
        try:
            with self._store.reading() as connection:
                todo = read_to_do(connection)
        except StoreAway as away:
            _log.warning("%s", away)
            return
        steps = (
            (todo.validate, self.validate_next),
            (todo.expire, self.expire_next),
            (todo.finalize, self.finalize_next),
            (todo.abandoned, self.cancel_abandoned),
        )
        for is_wanted, step in steps:
            if is_wanted:
                self._all_of(step)

    def _all_of(self, step: Callable[[], bool]) -> None:
        """Repeat a step as long as it finds something. Errors are logged, and met again with the next look."""
        try:
            while not self._ending and step():
                pass
        except BatchLost as lost:
            _log.warning("%s", lost)
        except QwenqError as error:
            _log.warning("%s", error)
        except Exception as error:  # noqa: BLE001 - the thread must not end
            _log.warning("unforeseen: %s", exception_words(error))

    def validate_next(self) -> bool:
        """Validate a batch. False: there was none."""
        with self._store.writing() as connection:
            held = hold_to_validate(connection, self._settings.lease_seconds)
        if held is None:
            return False
        validate(self._store, self._broker, self._storage, self._settings, held)
        return True

    def expire_next(self) -> bool:
        """Expire a batch. False: there was none."""
        with self._store.writing() as connection:
            return expire_next(connection) is not None

    def finalize_next(self) -> bool:
        """Finalize a batch. False: there was none."""
        with self._store.writing() as connection:
            held = hold_to_finalize(connection, self._settings.lease_seconds)
        if held is None:
            return False
        finalize(self._store, self._storage, self._settings, held)
        return True

    def cancel_abandoned(self) -> bool:
        """Cancel single requests whose server died while it waited. Returns False: there are no more."""
        with self._store.writing() as connection:
            cancel_abandoned(connection)
        return False
