"""One tick of the clock: due times become runs, runs go on, notices are sent."""

import logging
from datetime import datetime

from pydantic import BaseModel, ConfigDict

from producer.heartbeat import Heartbeat
from qwenq.schedules.delivering import close_run, deliver_run, failure
from qwenq.schedules.due import make_due_runs
from qwenq.schedules.submitting import submit_run
from qwenq.schedules.webhooks import send_notices
from qwenq.stores import open_store
from schemas.errors import ServiceAway, UsageError
from schemas.events import Event
from schemas.schedules import HeldRun
from schemas.settings import Settings
from store.broker import Broker
from store.clock import moment_of
from store.database import Store
from store.schedule_runs import renew_run, take_run

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
    steps = 0
    while (held := _taken(store, settings)) is not None:
        take_forward(store, broker, settings, held)
        steps += 1
    return TickReport(due=due, steps=steps, notices=send_notices(store, settings))


def tick_once(settings: Settings, at: datetime | None = None) -> TickReport:
    """A tick of a process of its own. Raises StoreAway."""
    store, broker = open_store(settings), Broker(settings)
    try:
        return tick(store, broker, settings, at)
    finally:
        store.close()
        broker.close()


def take_forward(store: Store, broker: Broker, settings: Settings, held: HeldRun) -> None:
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
            close_run(store, held, failure(_code_of(error), str(error)))
        except Exception as error:  # noqa: BLE001 - it ends this run, and no other one
            # Not again and again: somebody must see it first.
            _log.exception(Event.DUTY_FAILED, extra={"run": held.run.id})
            close_run(
                store, held, failure("internal_error", f"{type(error).__name__}; the log of beat says where")
            )


def _taken(store: Store, settings: Settings) -> HeldRun | None:
    with store.writing() as connection:
        return take_run(connection, settings.lease_seconds)


def _present(store: Store) -> datetime:
    with store.reading() as connection:
        return moment_of(connection)


def _code_of(error: UsageError) -> str:
    """A class's name as a code: UnreadableInput is `unreadable_input`."""
    name = type(error).__name__
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("_")
