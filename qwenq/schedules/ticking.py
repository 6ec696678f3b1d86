"""A tick: makes the runs that are due, advances runs, sends notices."""

import logging
import threading
from datetime import datetime, timedelta

from pydantic import BaseModel, ConfigDict

from qwenq.producer.heartbeat import Heartbeat
from qwenq.producer.object_stores import is_url
from qwenq.schedules.delivering import close_run, close_undelivered, deliver_run, failure
from qwenq.schedules.due import make_due_runs
from qwenq.schedules.job_of_run import submit_run
from qwenq.schedules.webhooks import send_notices
from qwenq.schemas.errors import OutputNotWritable, ServiceAway, UsageError
from qwenq.schemas.log.events import Event
from qwenq.schemas.schedules import HeldRun
from qwenq.schemas.settings import Settings
from qwenq.store.broker.broker import Broker
from qwenq.store.database.clock import moment_of
from qwenq.store.database.opening import open_store
from qwenq.store.database.store import Store
from qwenq.store.schedules.runs import hold_run, renew_run
from qwenq.store.views.jobs.statuses import job_status

ADVANCING = threading.BoundedSemaphore(2)
"""How many of beat's four threads may read inputs or write outputs. The others keep noticing due times."""
AWAY = timedelta(minutes=30)
"""How long an object store that is away is retried before the run fails."""
RETRY_SECONDS = 60.0

_log = logging.getLogger("qwenq.schedules")


class TickReport(BaseModel):
    """What a tick did: new runs, steps by which runs advanced, notices that webhooks took."""

    model_config = ConfigDict(frozen=True)

    due: int
    steps: int
    notices: int


def tick(store: Store, broker: Broker, settings: Settings, at: datetime | None = None) -> TickReport:
    """Do everything that is due at a moment, by default the store's present time. Raises StoreAway.

    Any number of ticks may run at once: a run is held by one of them.
    """
    due = make_due_runs(store, at or _present(store))
    steps = _advance_runs(store, broker, settings)
    return TickReport(due=due, steps=steps, notices=send_notices(store, settings))


def _advance_runs(store: Store, broker: Broker, settings: Settings) -> int:
    """Advance runs until none can advance further. Returns the number of steps."""
    if not ADVANCING.acquire(blocking=False):
        return 0
    try:
        steps = 0
        while (held := _next_run(store, settings)) is not None:
            advance_run(store, broker, settings, held)
            steps += 1
        return steps
    finally:
        ADVANCING.release()


def tick_once(settings: Settings, at: datetime | None = None) -> TickReport:
    """Run one tick in this process. Raises StoreAway."""
    with open_store(settings) as store, Broker(settings) as broker:
        return tick(store, broker, settings, at)


def advance_run(store: Store, broker: Broker, settings: Settings, held: HeldRun) -> None:
    """Advance a run that this process holds by one step: submit its job, or deliver its answers.

    An error of this run ends the run, and is stored with it. Raises ServiceAway.
    """
    lease = settings.lease_seconds
    with Heartbeat(store, lambda connection: renew_run(connection, held, lease), lease):
        try:
            if held.run.job_id is None:
                submit_run(store, broker, settings, held)
            else:
                deliver_run(store, held)
        except ServiceAway:
            raise
        except UsageError as error:
            if _put_off(store, held, error):
                return
            if isinstance(error, OutputNotWritable) and held.run.job_id is not None:
                close_undelivered(store, held, error)
            else:
                close_run(store, held, failure(_code_of(error), str(error)))
        except Exception as error:  # noqa: BLE001 - it ends this run only
            # Do not retry: somebody must look at it first.
            _log.exception(Event.DUTY_FAILED, extra={"run": held.run.id})
            close_run(store, held, failure("internal_error", f"{type(error).__name__}; see the log of beat"))


def _put_off(store: Store, held: HeldRun, error: UsageError) -> bool:
    """Postpone a run whose object store may come back soon. Returns False if the run should fail instead."""
    place = getattr(error, "source", None) or getattr(error, "path", None)
    began = held.run.started_at
    if place is None or not is_url(place) or began is None:
        return False
    with store.writing() as connection:
        if held.run.job_id is not None:
            job = job_status(connection, held.run.job_id)
            began = job.finished_at or began if job else began
        if moment_of(connection) - began > AWAY:
            return False
        renew_run(connection, held, RETRY_SECONDS)
    _log.warning(Event.RUN_PUT_OFF, extra={"run": held.run.id, "code": _code_of(error)})
    return True


def _next_run(store: Store, settings: Settings) -> HeldRun | None:
    with store.writing() as connection:
        return hold_run(connection, settings.lease_seconds)


def _present(store: Store) -> datetime:
    with store.reading() as connection:
        return moment_of(connection)


def _code_of(error: UsageError) -> str:
    """The class's name as a code, such as `unreadable_input` for UnreadableInput."""
    name = type(error).__name__
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("_")
