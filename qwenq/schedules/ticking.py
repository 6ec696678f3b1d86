"""One tick of the clock: due times become runs, runs go on, notices are sent."""

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

AT_WORK = threading.BoundedSemaphore(2)
"""Of beat's four threads, so many may read long inputs or write long outputs: nothing comes due late for them."""
AWAY = timedelta(minutes=30)
"""An object store that is away is asked again for so long, before it fails a run."""
ASK_AGAIN_SECONDS = 60.0

_log = logging.getLogger("qwenq.schedules")


class TickReport(BaseModel):
    """What a tick did: runs that came due, steps that runs were taken forward, notices that were taken."""

    model_config = ConfigDict(frozen=True)

    due: int
    steps: int
    notices: int


def tick(store: Store, broker: Broker, settings: Settings, at: datetime | None = None) -> TickReport:
    """Do whatever is to be done at a moment, by default the store's present one. Raises StoreAway.

    Any number of ticks may run at once: each takes what no other one is at.
    """
    due = make_due_runs(store, at or _present(store))
    steps = _advance_runs(store, broker, settings)
    return TickReport(due=due, steps=steps, notices=send_notices(store, settings))


def _advance_runs(store: Store, broker: Broker, settings: Settings) -> int:
    """Take runs forward until none can go on. Returns how many steps that were."""
    if not AT_WORK.acquire(blocking=False):
        return 0
    try:
        steps = 0
        while (held := _taken(store, settings)) is not None:
            advance_run(store, broker, settings, held)
            steps += 1
        return steps
    finally:
        AT_WORK.release()


def tick_once(settings: Settings, at: datetime | None = None) -> TickReport:
    """A tick of a process of its own. Raises StoreAway."""
    with open_store(settings) as store, Broker(settings) as broker:
        return tick(store, broker, settings, at)


def advance_run(store: Store, broker: Broker, settings: Settings, held: HeldRun) -> None:
    """Take a run that this process holds one step on: it is submitted, or its answers are delivered.

    What concerns this run alone ends it, and stands in its record. Raises ServiceAway.
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
        except Exception as error:  # noqa: BLE001 - it ends this run, and no other one
            # Not again and again: somebody must see it first.
            _log.exception(Event.DUTY_FAILED, extra={"run": held.run.id})
            close_run(
                store, held, failure("internal_error", f"{type(error).__name__}; the log of beat says where")
            )


def _put_off(store: Store, held: HeldRun, error: UsageError) -> bool:
    """Have a run taken up again a little later, where what it lacks may be back by then. False: it is not worth it."""
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
        renew_run(connection, held, ASK_AGAIN_SECONDS)
    _log.warning(Event.RUN_PUT_OFF, extra={"run": held.run.id, "code": _code_of(error)})
    return True


def _taken(store: Store, settings: Settings) -> HeldRun | None:
    with store.writing() as connection:
        return hold_run(connection, settings.lease_seconds)


def _present(store: Store) -> datetime:
    with store.reading() as connection:
        return moment_of(connection)


def _code_of(error: UsageError) -> str:
    """A class's name as a code: UnreadableInput is `unreadable_input`."""
    name = type(error).__name__
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("_")
