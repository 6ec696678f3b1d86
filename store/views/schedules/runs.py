"""Read runs of schedules."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Connection,
    Row,
    func,
    select,
)

from qwenq.schemas.schedules import Schedule, ScheduleRun
from qwenq.schemas.states import RunState
from qwenq.schemas.tables.schedules import schedule_runs, schedules
from qwenq.store.conditions import is_old_run
from qwenq.store.views.schedules.schedules import as_schedule

_UNFINISHED = (RunState.DUE, RunState.RUNNING)


RUN = tuple(schedule_runs.c[name] for name in ScheduleRun.model_fields)


def is_any_unfinished(connection: Connection, schedule_id: int) -> bool:
    """Whether a run of the schedule has not ended. One that only delivers again has."""
    found = select(schedule_runs.c.id).where(
        schedule_runs.c.schedule_id == schedule_id,
        schedule_runs.c.state.in_(_UNFINISHED),
        schedule_runs.c.deliveries == 0,
    )
    return connection.execute(found.limit(1)).first() is not None


def find_run(connection: Connection, run_id: int) -> ScheduleRun | None:
    """One run; None when it was removed."""
    row = connection.execute(select(*RUN).where(schedule_runs.c.id == run_id)).one_or_none()
    return as_run(row) if row else None


def newest_runs(connection: Connection, schedule_id: int, limit: int) -> list[ScheduleRun]:
    """A schedule's runs, newest first."""
    rows = connection.execute(
        select(*RUN)
        .where(schedule_runs.c.schedule_id == schedule_id)
        .order_by(schedule_runs.c.due_at.desc())
        .limit(limit)
    )
    return [as_run(row) for row in rows]


def newest_runs_of_all(connection: Connection, limit: int) -> dict[int, list[ScheduleRun]]:
    """The newest runs of each schedule that was not removed, newest first, by the schedule's id."""
    place = (
        func.row_number()
        .over(partition_by=schedule_runs.c.schedule_id, order_by=schedule_runs.c.due_at.desc())
        .label("place")
    )
    placed = (
        select(*RUN, place)
        .join_from(schedule_runs, schedules)
        .where(schedules.c.removed_at.is_(None))
        .subquery()
    )
    rows = connection.execute(
        select(*(placed.c[name] for name in ScheduleRun.model_fields))
        .where(placed.c.place <= limit)
        .order_by(placed.c.schedule_id, placed.c.place)
    )
    found: dict[int, list[ScheduleRun]] = {}
    for row in rows:
        found.setdefault(row.schedule_id, []).append(as_run(row))
    return found


def ended_runs(connection: Connection, schedule_id: int) -> Iterator[ScheduleRun]:
    """Stream the runs of a schedule that were not skipped and have ended, newest first."""
    rows = connection.execution_options(yield_per=1_000).execute(
        select(*RUN)
        .where(
            schedule_runs.c.schedule_id == schedule_id,
            schedule_runs.c.state.in_((RunState.SUCCEEDED, RunState.FAILED)),
        )
        .order_by(schedule_runs.c.due_at.desc())
    )
    return map(as_run, rows)


def failed_since(connection: Connection, moment: datetime) -> list[tuple[Schedule, ScheduleRun]]:
    """The runs that failed at this moment or later, with their schedules, oldest first."""
    rows = connection.execute(
        select(*RUN)
        .where(schedule_runs.c.state == RunState.FAILED, schedule_runs.c.finished_at >= moment)
        .order_by(schedule_runs.c.finished_at, schedule_runs.c.id)
    ).all()
    return [(_schedule_of(connection, row), as_run(row)) for row in rows]


def last_runs(connection: Connection) -> dict[int, ScheduleRun]:
    """The newest run of each schedule that has any, by the schedule's id."""
    newest = (
        select(schedule_runs.c.schedule_id, func.max(schedule_runs.c.due_at).label("due_at"))
        .group_by(schedule_runs.c.schedule_id)
        .subquery()
    )
    rows = connection.execute(
        select(*RUN).join(
            newest,
            (newest.c.schedule_id == schedule_runs.c.schedule_id)
            & (newest.c.due_at == schedule_runs.c.due_at),
        )
    )
    return {row.schedule_id: as_run(row) for row in rows}


def run_of_job(connection: Connection, job_id: int) -> tuple[Schedule, ScheduleRun] | None:
    """The run that submitted a job, with its schedule; None when no run did."""
    row = connection.execute(select(*RUN).where(schedule_runs.c.job_id == job_id)).one_or_none()
    if row is None:
        return None
    return _schedule_of(connection, row), as_run(row)


def run_before(connection: Connection, run: ScheduleRun) -> ScheduleRun | None:
    """The newest earlier run of the same schedule whose answers were delivered."""
    row = connection.execute(
        select(*RUN)
        .where(
            schedule_runs.c.schedule_id == run.schedule_id,
            schedule_runs.c.due_at < run.due_at,
            schedule_runs.c.documents.is_not(None),
        )
        .order_by(schedule_runs.c.due_at.desc())
        .limit(1)
    ).one_or_none()
    return as_run(row) if row else None


def last_ended(connection: Connection) -> list[tuple[Schedule, ScheduleRun]]:
    """The last run of each schedule that succeeded or failed, by the schedule's name."""
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
        select(*RUN)
        .join_from(schedules, schedule_runs)
        .where(schedule_runs.c.due_at == newest, schedules.c.removed_at.is_(None))
        .order_by(schedules.c.name)
    ).all()
    return [(_schedule_of(connection, row), as_run(row)) for row in rows]


def count_old_runs(connection: Connection, ended: float) -> int:
    """Count the runs that ended this many seconds ago, without each schedule's newest."""
    counted: int = connection.execute(
        select(func.count()).select_from(schedule_runs).where(is_old_run(ended))
    ).scalar_one()
    return counted


def _schedule_of(connection: Connection, row: Row[Any]) -> Schedule:
    return as_schedule(connection.execute(select(schedules).where(schedules.c.id == row.schedule_id)).one())


def as_run(row: Row[Any]) -> ScheduleRun:
    """A run from its row."""
    return ScheduleRun.model_validate(dict(row._mapping))  # noqa: SLF001
