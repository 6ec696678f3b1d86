"""Runs of schedules: made once for each due time, each in the hands of one process at a time.

Who takes a run has a lease on it, on the database's clock, and a fence: `holder`.
"""

import secrets
from collections.abc import Iterable
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    and_,
    delete,
    exists,
    func,
    insert,
    or_,
    select,
    tuple_,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from qwenq.schemas.schedules import HeldRun, NewRun, Overlap, RunOutcome, Schedule, ScheduleRun
from qwenq.schemas.states import ENDED_JOB_STATES, RunState
from qwenq.schemas.tables.core import batches, jobs
from qwenq.schemas.tables.schedules import schedule_runs, schedules
from qwenq.store.database.clock import now
from qwenq.store.schedules.schedules import as_schedule

SKIPPED = "skipped"
_UNFINISHED = (RunState.DUE, RunState.RUNNING)
_RUN = tuple(schedule_runs.c[name] for name in ScheduleRun.model_fields)


def insert_runs(connection: Connection, schedule_id: int, runs: Iterable[NewRun]) -> int:
    """Make runs of due times that have none yet; one that is skipped has ended already. Returns how many are new."""
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


def begin_run_now(connection: Connection, schedule_id: int) -> int:
    """Make a run that a person asks for. Returns its id."""
    run_id: int = connection.execute(
        insert(schedule_runs)
        .values(schedule_id=schedule_id, due_at=now(), state=RunState.DUE, created_at=now())
        .returning(schedule_runs.c.id)
    ).scalar_one()
    return run_id


def is_any_unfinished(connection: Connection, schedule_id: int) -> bool:
    """Whether a run of the schedule has not ended."""
    found = select(schedule_runs.c.id).where(
        schedule_runs.c.schedule_id == schedule_id, schedule_runs.c.state.in_(_UNFINISHED)
    )
    return connection.execute(found.limit(1)).first() is not None


def take_run(connection: Connection, lease_seconds: float, run_id: int | None = None) -> HeldRun | None:
    """Take the run that is due for longest and can go on, or a certain one. None: there is nothing to do."""
    chosen = _actionable() if run_id is None else _actionable().where(schedule_runs.c.id == run_id)
    row = connection.execute(chosen).one_or_none()
    if row is None:
        return None
    holder = secrets.token_hex(16)
    taken = connection.execute(
        update(schedule_runs)
        .where(schedule_runs.c.id == row.id)
        .values(
            holder=holder,
            holder_expires_at=now(lease_seconds),
            state=RunState.RUNNING,
            started_at=func.coalesce(schedule_runs.c.started_at, now()),
        )
        .returning(*_RUN)
    ).one()
    schedule = connection.execute(select(schedules).where(schedules.c.id == row.schedule_id)).one()
    return HeldRun(_as_run(taken), as_schedule(schedule), holder)


def renew_run(connection: Connection, held: HeldRun, lease_seconds: float) -> bool:
    """Renew the lease. False: the run is in other hands, or gone."""
    return _change(connection, held, holder_expires_at=now(lease_seconds))


def note_job(connection: Connection, held: HeldRun, job_id: int) -> bool:
    """Note the job that a run was submitted as, and let the run go until the job has ended. False: not held."""
    return _change(connection, held, job_id=job_id, holder=None, holder_expires_at=None)


def end_run(connection: Connection, held: HeldRun, outcome: RunOutcome) -> bool:
    """Note how a run ended. False: the run is in other hands, or gone."""
    values = outcome.model_dump()
    return _change(connection, held, **values, finished_at=now(), holder=None, holder_expires_at=None)


def find_run(connection: Connection, run_id: int) -> ScheduleRun | None:
    """One run."""
    row = connection.execute(select(*_RUN).where(schedule_runs.c.id == run_id)).one_or_none()
    return _as_run(row) if row else None


def newest_runs(connection: Connection, schedule_id: int, limit: int) -> list[ScheduleRun]:
    """A schedule's runs, the newest first."""
    rows = connection.execute(
        select(*_RUN)
        .where(schedule_runs.c.schedule_id == schedule_id)
        .order_by(schedule_runs.c.due_at.desc())
        .limit(limit)
    )
    return [_as_run(row) for row in rows]


def last_runs(connection: Connection) -> dict[int, ScheduleRun]:
    """The newest run of each schedule that has one, by the schedule's id."""
    newest = (
        select(schedule_runs.c.schedule_id, func.max(schedule_runs.c.due_at).label("due_at"))
        .group_by(schedule_runs.c.schedule_id)
        .subquery()
    )
    rows = connection.execute(
        select(*_RUN).join(
            newest,
            (newest.c.schedule_id == schedule_runs.c.schedule_id)
            & (newest.c.due_at == schedule_runs.c.due_at),
        )
    )
    return {row.schedule_id: _as_run(row) for row in rows}


def run_of_job(connection: Connection, job_id: int) -> tuple[Schedule, ScheduleRun] | None:
    """The run that a job is the work of, with its schedule."""
    row = connection.execute(select(*_RUN).where(schedule_runs.c.job_id == job_id)).one_or_none()
    if row is None:
        return None
    schedule = connection.execute(select(schedules).where(schedules.c.id == row.schedule_id)).one()
    return as_schedule(schedule), _as_run(row)


def run_before(connection: Connection, run: ScheduleRun) -> ScheduleRun | None:
    """The newest run of the same schedule before this one whose answers were delivered."""
    row = connection.execute(
        select(*_RUN)
        .where(
            schedule_runs.c.schedule_id == run.schedule_id,
            schedule_runs.c.due_at < run.due_at,
            schedule_runs.c.documents.is_not(None),
        )
        .order_by(schedule_runs.c.due_at.desc())
        .limit(1)
    ).one_or_none()
    return _as_run(row) if row else None


def last_ended(connection: Connection) -> list[tuple[str, ScheduleRun]]:
    """Schedules by name, each with the last of its runs that was to do something and has ended."""
    ended = schedule_runs.alias("ended")
    newest = (
        select(func.max(ended.c.due_at))
        .where(
            ended.c.schedule_id == schedules.c.id,
            ended.c.state.in_((RunState.SUCCEEDED, RunState.FAILED)),
        )
        .scalar_subquery()
    )
    rows = connection.execute(
        select(schedules.c.name, *_RUN)
        .join_from(schedules, schedule_runs)
        .where(schedule_runs.c.due_at == newest)
        .order_by(schedules.c.name)
    )
    return [(row.name, _as_run(row)) for row in rows]


def count_old_runs(connection: Connection, ended: float) -> int:
    """How many runs ended so many seconds ago; each schedule's newest does not count."""
    counted: int = connection.execute(
        select(func.count()).select_from(schedule_runs).where(_is_old(ended))
    ).scalar_one()
    return counted


def remove_old_runs(connection: Connection, ended: float) -> int:
    """Remove the records of runs that ended so many seconds ago, but each schedule's newest. Returns how many."""
    return connection.execute(delete(schedule_runs).where(_is_old(ended))).rowcount


def device_seconds(connection: Connection, job_id: int) -> float:
    """How long a job's documents were generated, in seconds of a device."""
    seconds = connection.execute(
        select(func.sum(batches.c.seconds)).where(batches.c.job_id == job_id)
    ).scalar_one()
    return float(seconds or 0.0)


def _actionable() -> Select[Any]:
    """The first run that nobody is at, and that can begin, be submitted, or be delivered."""
    # Neither looks at one run, so that of a thousand that are due, all are compared with them at once.
    busy = select(schedule_runs.c.schedule_id).where(schedule_runs.c.state == RunState.RUNNING)
    first = (
        select(schedule_runs.c.schedule_id, func.min(schedule_runs.c.due_at))
        .where(schedule_runs.c.state == RunState.DUE)
        .group_by(schedule_runs.c.schedule_id)
    )
    may_begin = or_(
        schedules.c.policy["overlap"].as_string() == Overlap.ALLOW,
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
        # What is to be submitted goes first: workers wait for it.
        .order_by(schedule_runs.c.job_id.is_not(None), schedule_runs.c.due_at, schedule_runs.c.id)
        .limit(1)
        .with_for_update(skip_locked=True, of=schedule_runs)
    )


def _is_old(ended: float) -> ColumnElement[bool]:
    later = schedule_runs.alias("later")
    is_newest = ~exists().where(
        later.c.schedule_id == schedule_runs.c.schedule_id, later.c.due_at > schedule_runs.c.due_at
    )
    return and_(schedule_runs.c.finished_at <= now(-ended), ~is_newest)


def _is_free() -> ColumnElement[bool]:
    return or_(schedule_runs.c.holder.is_(None), schedule_runs.c.holder_expires_at < now())


def _change(connection: Connection, held: HeldRun, **values: Any) -> bool:
    changed = connection.execute(
        update(schedule_runs)
        .where(schedule_runs.c.id == held.run.id, schedule_runs.c.holder == held.holder)
        .values(values)
    )
    return bool(changed.rowcount)


def _as_run(row: Row[Any]) -> ScheduleRun:
    return ScheduleRun.model_validate(dict(row._mapping))  # noqa: SLF001
