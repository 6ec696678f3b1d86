"""Start the working process. Whatever keeps it from starting reaches the person who waits for its answers."""

import logging
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from qwenq.schemas.errors import InvalidSetting, ModelUnavailable, SelfCheckFailed, StoreAway
from qwenq.schemas.log.events import Event
from qwenq.schemas.settings import settings_of_process
from qwenq.store.database.store import Store
from qwenq.store.life import workers
from qwenq.worker.parent.environment import worker_id_of_process
from qwenq.worker.patience import patiently
from qwenq.worker.start_errors import start_reason
from qwenq.worker.turn.start_note import start_note

if TYPE_CHECKING:
    from qwenq.worker.turn.working_process import WorkingProcess

_log = logging.getLogger("qwenq.worker")


@cache
def working_process() -> "WorkingProcess":
    """This process's own, started at the first call.

    Raises StoreAway, and ModelUnavailable or SelfCheckFailed, which the store then has as this worker's failure.
    """
    settings, worker_id = settings_of_process(), worker_id_of_process()
    try:
        with start_note():
            from qwenq.worker.turn.working_process import WorkingProcess

            return WorkingProcess(settings, worker_id)
    except StoreAway:
        raise
    except Exception as error:
        failure = _failure_of(error, settings.model or "")
        try:
            with Store.of(settings) as store:
                for attempt in patiently(settings.patience_seconds):
                    with attempt, store.writing() as connection:
                        _note(connection, worker_id, failure)
        except Exception:  # noqa: BLE001 - also what keeps this process from starting may keep it from noting why
            _log.critical(Event.WORKER_LEAVES, extra={"reason": str(failure)})
        raise failure from error


def note_failure(error: StoreAway) -> None:
    """Note in the store, if it answers, why this worker stops; the parent process ends with this reason."""
    with Store.of(settings_of_process()) as store, suppress(StoreAway), store.writing() as connection:
        workers.note_failed(connection, worker_id_of_process(), str(error))


def _note(connection: Connection, worker_id: int, failure: ModelUnavailable | SelfCheckFailed) -> None:
    if isinstance(failure, SelfCheckFailed):
        workers.note_unfit(connection, worker_id, str(failure))
    else:
        workers.note_failed(connection, worker_id, failure.reason)


def _failure_of(error: Exception, model: str) -> ModelUnavailable | SelfCheckFailed:
    match error:
        case ModelUnavailable() | SelfCheckFailed():
            return error
        case InvalidSetting():
            return ModelUnavailable(model=model, reason=f"{error.name}: {error.reason}")
    return ModelUnavailable(model=model, reason=start_reason(error))
