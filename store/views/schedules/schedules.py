"""Read schedules."""

from typing import Any

from sqlalchemy import Connection, Row, select

from qwenq.schemas.schedules import Schedule
from qwenq.schemas.tables.schedules import schedules


def find_schedule(connection: Connection, name: str) -> Schedule | None:
    """The schedule of this name, also a removed one; None when there is no such schedule."""
    row = connection.execute(select(schedules).where(schedules.c.name == name)).one_or_none()
    return as_schedule(row) if row else None


def schedule_of_id(connection: Connection, schedule_id: int) -> Schedule | None:
    """The schedule of this id, also a removed one; None when there is no such schedule."""
    row = connection.execute(select(schedules).where(schedules.c.id == schedule_id)).one_or_none()
    return as_schedule(row) if row else None


def all_schedules(connection: Connection, *, removed: bool = False) -> list[Schedule]:
    """All schedules, by name; with `removed`, removed ones too."""
    found = select(schedules).order_by(schedules.c.name)
    if not removed:
        found = found.where(schedules.c.removed_at.is_(None))
    return [as_schedule(row) for row in connection.execute(found)]


def as_schedule(row: Row[Any]) -> Schedule:
    """A schedule from its row."""
    return Schedule.model_validate(dict(row._mapping))  # noqa: SLF001
