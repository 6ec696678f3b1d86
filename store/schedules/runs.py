"""Runs of schedules: one for each due time. One process at a time holds a run.

The holder has a lease, on the database's clock, and a fence: `holder`.
"""

import secrets
from collections.abc import Collection, Iterable
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    and_,
    delete,
    func,
    insert,
    literal,
    or_,
    select,
    tuple_,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from qwenq.schemas.schedules import HeldRun, NewRun, Overlap, RunOutcome, ScheduleRun
from qwenq.schemas.states import ENDED_JOB_STATES, RunState
from qwenq.schemas.tables.columns import UtcTime
from qwenq.schemas.tables.core import jobs
from qwenq.schemas.tables.schedules import schedule_runs, schedules
from qwenq.store.conditions import is_old_run
from qwenq.store.database.clock import now
from qwenq.store.views.schedules.runs import RUN, as_run
from qwenq.store.views.schedules.schedules import as_schedule

SKIPPED = "skipped"
POSTPONED = "postponed"
"""The holder of a run that waits to go on: no process."""


def insert_runs(connection: Connection, schedule_id: int, runs: Iterable[NewRun]) -> int:
    """Insert runs for due times without one; a skipped run has ended already. Returns how many are new."""
    made = 0
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    for run in runs:
        values: dict[str, Any] = {
            "schedule_id": schedule_id,
            "due_at": run.due_at,
            "state": RunState.DUE,
            "created_at": now(),
        }
        if run.skipped is not None:
            values |= {
                "state": RunState.SKIPPED,
                "finished_at": now(),
                "error_code": SKIPPED,
                "error_message": run.skipped,
            }
        added = dialect.insert(schedule_runs).values(values).on_conflict_do_nothing()
        made += connection.execute(added.returning(schedule_runs.c.id)).first() is not None
    return made


def begin_run_now(
    connection: Connection, schedule_id: int, begun_by: str, repeats: ScheduleRun | None = None
) -> int:
    """Insert a run that a person starts now; its files are named after the run that it `repeats`. Returns its id."""
    values: dict[str, Any] = {
        "schedule_id": schedule_id,
        "due_at": now(),
        "state": RunState.DUE,
        "created_at": now(),
        "begun_by": begun_by,
        "repeats_due_at": None if repeats is None else repeats.named_at,
    }
    run_id: int = connection.execute(
        insert(schedule_runs).values(values).returning(schedule_runs.c.id)
    ).scalar_one()
    return run_id


def hold_run(
    connection: Connection,
    lease_seconds: float,
    run_id: int | None = None,
    *,
    among: Collection[int] | None = None,
    without: Collection[int] = (),
) -> HeldRun | None:
    """Hold the longest due run that can go on, or a certain one. None: there is nothing to do.

    The run is of a schedule `among` these ids, if they are given, and not of those in `without`. A holder whose lease
    expired counts as no crash: its machine may have been restarted.
    """
    chosen = _actionable() if run_id is None else _actionable().where(schedule_runs.c.id == run_id)
    if among is not None:
        chosen = chosen.where(schedule_runs.c.schedule_id.in_(among))
    if without:
        chosen = chosen.where(schedule_runs.c.schedule_id.not_in(without))
    row = connection.execute(chosen).one_or_none()
    if row is None:
        return None
    holder = secrets.token_hex(16)
    held = connection.execute(
        update(schedule_runs)
        .where(schedule_runs.c.id == row.id)
        .values(
            holder=holder,
            holder_expires_at=now(lease_seconds),
            state=RunState.RUNNING,
            started_at=func.coalesce(schedule_runs.c.started_at, now()),
            # Who retries the job from now on asks for another delivery.
            deliver_at=None,
        )
        .returning(*RUN)
    ).one()
    schedule = connection.execute(select(schedules).where(schedules.c.id == row.schedule_id)).one()
    return HeldRun(as_run(held), as_schedule(schedule), holder)


def renew_run(connection: Connection, held: HeldRun, lease_seconds: float) -> bool:
    """Renew the lease. False: another process holds the run, or it was removed."""
    return _change(connection, held, holder_expires_at=now(lease_seconds))


def note_job(connection: Connection, held: HeldRun, job_id: int, notes: str | None = None) -> bool:
    """Note a run's job, and release the run until the job has ended. False: this process does not hold it.

    `notes` says what was found out about its inputs.
    """
    return _change(
        connection, held, job_id=job_id, notes=notes, crashes=0, holder=None, holder_expires_at=None
    )


def release_run(connection: Connection, held: HeldRun, pause: float, *, crashed: bool = False) -> bool:
    """Release a run, to be held again after a pause. False: another process holds it, or it was removed."""
    crashes = schedule_runs.c.crashes + int(crashed)
    return _change(connection, held, holder=POSTPONED, holder_expires_at=now(pause), crashes=crashes)


def end_run(connection: Connection, held: HeldRun, outcome: RunOutcome) -> bool:
    """Note how a run ended. False: another process holds the run, or it was removed."""
    values = outcome.model_dump(exclude={"deliver_at"})
    if outcome.deliver_at is not None:
        later = literal(outcome.deliver_at, UtcTime())
        values["deliver_at"] = func.coalesce(schedule_runs.c.deliver_at, later)
    values["deliveries"] = schedule_runs.c.deliveries + int(held.run.job_id is not None)
    return _change(connection, held, **values, finished_at=now(), holder=None, holder_expires_at=None)


def end_runs_of_removed(connection: Connection, schedule_id: int) -> None:
    """End the unfinished runs of a schedule that is being removed. Their jobs go on; nothing is delivered."""
    unfinished = connection.execute(
        select(schedule_runs.c.id, schedule_runs.c.job_id)
        .where(
            schedule_runs.c.schedule_id == schedule_id,
            schedule_runs.c.state.in_((RunState.DUE, RunState.RUNNING)),
        )
        .with_for_update()
    ).all()
    for run_id, job_id in unfinished:
        message = "the schedule was removed before this run had begun its job"
        if job_id is not None:
            message = (
                f"the schedule was removed before the answers were delivered; job {job_id} goes on, and "
                f"`qwenq schedule deliver {run_id}` delivers them"
            )
        connection.execute(
            update(schedule_runs)
            .where(schedule_runs.c.id == run_id)
            .values(
                state=RunState.SKIPPED if job_id is None else RunState.FAILED,
                finished_at=now(),
                holder=None,
                holder_expires_at=None,
                error_code="schedule_removed",
                error_message=message,
            )
        )


def remove_old_runs(connection: Connection, ended: float) -> int:
    """Remove runs that ended this many seconds ago, except each schedule's newest. Returns how many."""
    return connection.execute(delete(schedule_runs).where(is_old_run(ended))).rowcount


def _actionable() -> Select[Any]:
    """The first free run that can be submitted or delivered."""
    # Neither subquery refers to a single run, so a thousand due runs are compared with them at once.
    # Who only delivers again keeps nobody waiting.
    busy = select(schedule_runs.c.schedule_id).where(
        schedule_runs.c.state == RunState.RUNNING, schedule_runs.c.deliveries == 0
    )
    first = (
        select(schedule_runs.c.schedule_id, func.min(schedule_runs.c.due_at))
        .where(schedule_runs.c.state == RunState.DUE)
        .group_by(schedule_runs.c.schedule_id)
    )
    # Runs may overlap, but they read their inputs one after the other: slow ones must not pile up.
    reading = select(schedule_runs.c.schedule_id).where(
        schedule_runs.c.state == RunState.RUNNING, schedule_runs.c.job_id.is_(None)
    )
    may_begin = or_(
        and_(
            schedules.c.policy["overlap"].as_string() == Overlap.ALLOW,
            schedule_runs.c.schedule_id.not_in(reading),
        ),
        and_(
            schedule_runs.c.schedule_id.not_in(busy),
            tuple_(schedule_runs.c.schedule_id, schedule_runs.c.due_at).in_(first),
        ),
    )
    return (
        select(schedule_runs.c.id, schedule_runs.c.schedule_id)
        .join_from(schedule_runs, schedules)
        .outerjoin(jobs, jobs.c.id == schedule_runs.c.job_id)
        .where(
            _is_free(),
            or_(
                and_(schedule_runs.c.state == RunState.DUE, may_begin),
                and_(
                    schedule_runs.c.state == RunState.RUNNING,
                    or_(schedule_runs.c.job_id.is_(None), jobs.c.state.in_(ENDED_JOB_STATES)),
                ),
            ),
        )
        # Submit before delivering: workers wait for new jobs.
        .order_by(schedule_runs.c.job_id.is_not(None), schedule_runs.c.due_at, schedule_runs.c.id)
        .limit(1)
        .with_for_update(skip_locked=True, of=schedule_runs)
    )


def _is_free() -> ColumnElement[bool]:
    return or_(schedule_runs.c.holder.is_(None), schedule_runs.c.holder_expires_at < now())


def _change(connection: Connection, held: HeldRun, **values: Any) -> bool:
    changed = connection.execute(
        update(schedule_runs)
        .where(schedule_runs.c.id == held.run.id, schedule_runs.c.holder == held.holder)
        .values(values)
    )
    return bool(changed.rowcount)
