"""The long steps of a batch, each of a batch that is held: its validation, and its end."""

from collections.abc import Callable
from enum import StrEnum
from typing import Protocol

from sqlalchemy import Connection

from qwenq.schemas.service.stored import HeldBatch
from qwenq.schemas.settings import Settings
from qwenq.server.batches.finalizing import finalize
from qwenq.server.batches.validating import validate
from qwenq.store.api_batches.life import hold_to_finalize, hold_to_validate, release_batch
from qwenq.store.broker.broker import Broker
from qwenq.store.database.store import Store
from qwenq.store.files.storage import Storage


class Step(StrEnum):
    """What is to be done with a batch."""

    VALIDATE = "validate"
    FINALIZE = "finalize"


HOLDS: dict[Step, Callable[[Connection, float], HeldBatch | None]] = {
    Step.VALIDATE: hold_to_validate,
    Step.FINALIZE: hold_to_finalize,
}


class Steps(Protocol):
    """Takes steps: here and now, or in processes of their own."""

    def may_begin(self) -> bool:
        """Whether there is a place for one more."""

    def begin(self, settings: Settings, step: Step, held: HeldBatch) -> None:
        """Begin a step."""


def take_step(
    store: Store, broker: Broker, storage: Storage, settings: Settings, step: Step, held: HeldBatch
) -> None:
    """Take a step. One that is interrupted lets go of the batch, so that another process need not wait for its lease.

    Raises BatchLost, StoreAway, FilesAway.
    """
    try:
        if step is Step.VALIDATE:
            validate(store, broker, storage, settings, held)
        else:
            finalize(store, storage, settings, held)
    except KeyboardInterrupt:
        with store.writing() as connection:
            release_batch(connection, held)
        raise


class StepsHere:
    """Takes each step at once, in this thread."""

    def __init__(self, store: Store, broker: Broker, storage: Storage) -> None:
        self._services = store, broker, storage

    def may_begin(self) -> bool:
        """Always."""
        return True

    def begin(self, settings: Settings, step: Step, held: HeldBatch) -> None:
        """Take a step, to its end. Raises what take_step raises."""
        take_step(*self._services, settings, step, held)
