"""Take care of batches: validate, expire and finalize them, whichever process created them or left them half done."""

import logging
from collections.abc import Callable

from qwenq.schemas.errors import QwenqError, StoreAway
from qwenq.schemas.log.lines import exception_words
from qwenq.schemas.settings import Settings
from qwenq.server.batches.forgetting import Forgetter
from qwenq.server.batches.steps import HOLDS, Step, Steps, StepsHere
from qwenq.store.api_batches.life import expire_next, read_to_do
from qwenq.store.broker.broker import Broker
from qwenq.store.database.store import Store
from qwenq.store.files.storage import Storage
from qwenq.store.life.questions import cancel_abandoned

_log = logging.getLogger("qwenq.server")


class Caretaker:
    """Takes care of batches, a look at a time. Any number of processes may do so at once.

    Its long steps go to `steps`; without that, each is taken at once.
    """

    def __init__(
        self, store: Store, broker: Broker, storage: Storage, settings: Settings, steps: Steps | None = None
    ) -> None:
        self._store = store
        self._settings = settings
        self._steps: Steps = StepsHere(store, broker, storage) if steps is None else steps
        self.forgetter = Forgetter(store, storage)

    def look(self) -> None:
        """Do what there is to do, in this thread."""
        self.look_at_batches()
        self.forgetter.look()

    def look_at_batches(self) -> None:
        """Begin the steps that batches wait for."""
        try:
            with self._store.reading() as connection:
                todo = read_to_do(connection)
        except StoreAway as away:
            _log.warning("%s", away)
            return
        steps: tuple[tuple[bool, Callable[[], bool]], ...] = (
            (todo.validate, lambda: self._begin(Step.VALIDATE)),
            (todo.expire, self._expire_next),
            (todo.finalize, lambda: self._begin(Step.FINALIZE)),
            (todo.abandoned, self._cancel_abandoned),
        )
        for is_wanted, step in steps:
            if is_wanted:
                self._all_of(step)

    def _all_of(self, step: Callable[[], bool]) -> None:
        """Repeat a step as long as it finds something. Errors are logged, and met again with the next look."""
        try:
            while step():
                pass
        except QwenqError as error:
            _log.warning("%s", error)
        except Exception as error:  # noqa: BLE001 - whoever looks must not end
            _log.warning("unforeseen: %s", exception_words(error))

    def _begin(self, step: Step) -> bool:
        """Begin a step of the batch that waits longest. False: there is none, or no place for another step."""
        if not self._steps.may_begin():
            return False
        with self._store.writing() as connection:
            held = HOLDS[step](connection, self._settings.lease_seconds)
        if held is not None:
            self._steps.begin(self._settings, step, held)
        return held is not None

    def _expire_next(self) -> bool:
        with self._store.writing() as connection:
            return expire_next(connection) is not None

    def _cancel_abandoned(self) -> bool:
        """Cancel single requests whose server died while it waited. Returns False: there are no more."""
        with self._store.writing() as connection:
            cancel_abandoned(connection)
        return False
