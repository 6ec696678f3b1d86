"""Advances a run by one step: submits its job, or delivers its answers. What goes wrong ends this run only."""

import logging
from datetime import timedelta

from qwenq.producer.heartbeat import heartbeat
from qwenq.producer.object_stores import is_url
from qwenq.schedules.delivering import close_kept, close_run, deliver_run, failure
from qwenq.schedules.job_of_run import submit_run
from qwenq.schemas.errors import (
    JobGivenUp,
    OutputNotWritable,
    OutsideRoots,
    ServiceAway,
    StoreAway,
    UsageError,
)
from qwenq.schemas.log.events import Event
from qwenq.schemas.schedules import HeldRun
from qwenq.schemas.settings import Settings
from qwenq.store.broker.broker import Broker
from qwenq.store.database.clock import moment_of
from qwenq.store.database.store import Store
from qwenq.store.schedules.runs import release_run, renew_run
from qwenq.store.views.jobs.statuses import job_status
from qwenq.wording.numbers import counted

AWAY = timedelta(minutes=30)
"""How long an object store that is away is retried before the run fails."""
AWAY_PAUSE_SECONDS = 60.0
PAUSE_SECONDS = 5.0
"""How long a run rests whose process stopped, or whose store was away."""
MOST_CRASHES = 2
"""A run whose process died this often fails: its inputs would kill the next one too."""

_log = logging.getLogger("qwenq.schedules")


def advance_run(store: Store, broker: Broker, settings: Settings, held: HeldRun) -> None:
    """Advance a run that this process holds, and renew its lease meanwhile. Raises ServiceAway, KeyboardInterrupt."""
    lease = settings.lease_seconds
    with heartbeat(store, lambda connection: renew_run(connection, held, lease), lease):
        take_step(store, broker, settings, held)


def take_step(store: Store, broker: Broker, settings: Settings, held: HeldRun) -> None:
    """Submit the job of a run, or deliver its answers. Somebody else renews the lease.

    An error of this run ends the run, and is stored with it. What ends this process releases the run, so that it is not
    taken for a crash. Raises ServiceAway, KeyboardInterrupt.
    """
    try:
        if held.run.crashes >= MOST_CRASHES:
            _give_up(store, settings, held)
        elif held.run.job_id is None:
            submit_run(store, broker, settings, held)
        else:
            deliver_run(store, settings, held)
    except JobGivenUp:
        # Another process took this one for dead, and removed the half job. The next step stores it again.
        _release(store, held)
    except UsageError as error:
        if not _put_off(store, held, error):
            _close(store, settings, held, error)
    except Exception as error:
        if isinstance(error, ServiceAway):
            _release(store, held)
            raise
        # Do not retry: somebody must look at it first.
        _log.exception(Event.DUTY_FAILED, extra={"run": held.run.id})
        close_run(
            store, settings, held, failure("internal_error", f"{type(error).__name__}; see the log of beat")
        )
    except BaseException:
        _release(store, held)
        raise


def close_slow(store: Store, settings: Settings, held: HeldRun) -> None:
    """End a run whose step took too long, and was killed."""
    limit = f"{settings.schedule_seconds:,.0f} s, which QWENQ_SCHEDULE_SECONDS sets"
    if held.run.job_id is None:
        message = (
            f"reading its inputs ({_inputs(held)}) took longer than {limit}; try them with `qwenq submit --dry-run`, "
            "and move slow or hanging ones away"
        )
        close_run(store, settings, held, failure("input_too_slow", message))
    else:
        close_kept(store, settings, held, "output_too_slow", f"writing its answers took longer than {limit}.")


def _give_up(store: Store, settings: Settings, held: HeldRun) -> None:
    times = counted(held.run.crashes, "time")
    why = "out of memory, or stopped by what it read"
    if held.run.job_id is None:
        message = (
            f"the process that read its inputs ({_inputs(held)}) died {times}: {why}; try them with `qwenq submit "
            "--dry-run`, move the file at fault away, and start the run again with `qwenq schedule run`"
        )
        close_run(store, settings, held, failure("input_killed_reader", message))
    else:
        close_kept(
            store,
            settings,
            held,
            "answers_killed_writer",
            f"the process that wrote its answers died {times}: {why}.",
        )


def _inputs(held: HeldRun) -> str:
    return ", ".join(held.schedule.request.inputs)


def _close(store: Store, settings: Settings, held: HeldRun, error: UsageError) -> None:
    if isinstance(error, OutputNotWritable | OutsideRoots) and held.run.job_id is not None:
        may_pass = isinstance(error, OutputNotWritable)
        close_kept(store, settings, held, _code_of(error), str(error), again=may_pass)
    else:
        close_run(store, settings, held, failure(_code_of(error), str(error)))


def _release(store: Store, held: HeldRun) -> None:
    """Release a run. While the store is away the lease expires instead."""
    try:
        with store.writing() as connection:
            release_run(connection, held, PAUSE_SECONDS)
    except StoreAway as away:
        _log.warning(Event.STORE_AWAY, extra={"reason": str(away)})


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
        release_run(connection, held, AWAY_PAUSE_SECONDS)
    _log.warning(Event.RUN_PUT_OFF, extra={"run": held.run.id, "code": _code_of(error)})
    return True


def _code_of(error: UsageError) -> str:
    """The class's name as a code, such as `unreadable_input` for UnreadableInput."""
    name = type(error).__name__
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("_")
