"""Schedules: added, edited, moved to their next due time, paused, removed."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, exc, insert, select, update

from qwenq.schemas.errors import ScheduleExists
from qwenq.schemas.schedules import RunPolicy, Schedule, ScheduledRequest
from qwenq.schemas.states import ScheduleState
from qwenq.schemas.tables.schedules import schedules
from qwenq.store.database.clock import now
from qwenq.store.schedules.runs import end_runs_of_removed
from qwenq.store.views.schedules.schedules import as_schedule


def insert_schedule(
    connection: Connection,
    name: str,
    due: tuple[str, str, datetime],
    request: ScheduledRequest,
    policy: RunPolicy,
    submitter: str | None,
) -> None:
    """Insert a schedule; `due` is its cron line, time zone and first due time. Raises ScheduleExists.

    A removed schedule of the same name comes back with its history.
    """
    cron, timezone, next_due_at = due
    values: dict[str, Any] = {
        "name": name,
        "state": ScheduleState.ACTIVE,
        "cron": cron,
        "timezone": timezone,
        "request": request.model_dump(mode="json"),
        "policy": policy.model_dump(mode="json"),
        "submitter": submitter,
        "created_at": now(),
        "next_due_at": next_due_at,
        "removed_at": None,
    }
    is_removed = (schedules.c.name == name) & schedules.c.removed_at.is_not(None)
    if connection.execute(update(schedules).where(is_removed).values(values)).rowcount:
        return
    try:
        connection.execute(insert(schedules).values(values))
    except exc.IntegrityError:
        raise ScheduleExists(name=name) from None


def edit_schedule(connection: Connection, before: Schedule, after: Schedule) -> bool:
    """Store what a person edited: when it is due, what it submits, its policy. False: it was removed.

    Writes only the columns that differ: the role of Flower may not write all of them.
    """
    # The state, which stays, is written too, because an update needs a column.
    values: dict[str, Any] = {"state": schedules.c.state}
    if (after.cron, after.timezone) != (before.cron, before.timezone):
        values |= {"cron": after.cron, "timezone": after.timezone, "next_due_at": after.next_due_at}
    if after.request != before.request:
        values["request"] = after.request.model_dump(mode="json")
    if after.policy != before.policy:
        values["policy"] = after.policy.model_dump(mode="json")
    edited = connection.execute(
        update(schedules).where(schedules.c.id == before.id, schedules.c.removed_at.is_(None)).values(values)
    )
    return bool(edited.rowcount)


def due_schedules(connection: Connection, at: datetime, limit: int) -> list[Schedule]:
    """Lock active schedules that are due, longest due first; other processes skip them."""
    rows = connection.execute(
        select(schedules)
        .where(schedules.c.state == ScheduleState.ACTIVE, schedules.c.next_due_at <= at)
        .order_by(schedules.c.next_due_at, schedules.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return [as_schedule(row) for row in rows]


def note_next_due(connection: Connection, due: Sequence[tuple[int, datetime]]) -> None:
    """Note the next due time of schedules, by id."""
    for schedule_id, next_due_at in due:
        connection.execute(
            update(schedules).where(schedules.c.id == schedule_id).values(next_due_at=next_due_at)
        )


def set_schedule_state(
    connection: Connection, schedule_id: int, state: ScheduleState, next_due_at: datetime
) -> None:
    """Pause or resume a schedule, with its next due time."""
    connection.execute(
        update(schedules).where(schedules.c.id == schedule_id).values(state=state, next_due_at=next_due_at)
    )


def remove_schedule(connection: Connection, schedule_id: int) -> None:
    """Remove a schedule. The record of its runs stays until it is pruned; unfinished runs end, their jobs go on."""
    connection.execute(
        update(schedules)
        .where(schedules.c.id == schedule_id)
        .values(state=ScheduleState.PAUSED, removed_at=now())
    )
    end_runs_of_removed(connection, schedule_id)


def prune_schedules(connection: Connection, removed: float) -> int:
    """Delete schedules that were removed this many seconds ago, with the record of their runs. Returns how many."""
    return connection.execute(delete(schedules).where(schedules.c.removed_at <= now(-removed))).rowcount
