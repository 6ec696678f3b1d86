"""Notices: each is tried until the receiver accepts it, with growing pauses, and then given up."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite

from qwenq.schemas.schedules import Notice
from qwenq.schemas.states import NoticeState
from qwenq.schemas.tables.schedules import notices
from qwenq.store.database.clock import now

PAUSES = (10.0, 60.0, 300.0, 1_800.0, 7_200.0, 21_600.0, 43_200.0)
"""Seconds between attempts; after the attempt that follows the last pause, a notice is given up."""


def insert_notices(
    connection: Connection, key: str, urls: Iterable[str], body: str, tenant: str | None = None
) -> None:
    """Add a notice of one event for each URL, unless it has one of this key already.

    It is signed with the secret of the tenant's webhook, if it is a tenant's.
    """
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    for url in urls:
        values: dict[str, Any] = {
            "key": key,
            "url": url,
            "body": body,
            "state": NoticeState.WAITING,
            "attempts": 0,
            "next_attempt_at": now(),
            "created_at": now(),
            "tenant": tenant,
        }
        connection.execute(dialect.insert(notices).values(values).on_conflict_do_nothing())


def hold_notice(connection: Connection) -> Notice | None:
    """Hold the longest due notice for an attempt, and schedule the next attempt in case this process dies."""
    row = connection.execute(
        select(notices.c.id, notices.c.attempts)
        .where(notices.c.state == NoticeState.WAITING, notices.c.next_attempt_at <= now())
        .order_by(notices.c.next_attempt_at)
        .limit(1)
        .with_for_update(skip_locked=True)
    ).one_or_none()
    if row is None:
        return None
    pause = PAUSES[min(row.attempts, len(PAUSES) - 1)]
    held = connection.execute(
        update(notices)
        .where(notices.c.id == row.id)
        .values(attempts=notices.c.attempts + 1, next_attempt_at=now(pause))
        .returning(
            notices.c.id, notices.c.key, notices.c.url, notices.c.body, notices.c.attempts, notices.c.tenant
        )
    ).one()
    return Notice(*held)


def note_sent(connection: Connection, notice: Notice) -> None:
    """Note that the receiver accepted a notice."""
    connection.execute(
        update(notices)
        .where(notices.c.id == notice.id)
        .values(state=NoticeState.SENT, error=None, finished_at=now())
    )


def note_not_sent(connection: Connection, notice: Notice, reason: str) -> bool:
    """Note why an attempt failed. False: it was the last attempt."""
    again = notice.attempt <= len(PAUSES)
    values: dict[str, Any] = {"error": reason}
    if not again:
        values |= {"state": NoticeState.FAILED, "finished_at": now()}
    connection.execute(update(notices).where(notices.c.id == notice.id).values(values))
    return again


def remove_old_notices(connection: Connection, ended: float) -> int:
    """Remove notices that were accepted or given up this many seconds ago. Returns how many."""
    return connection.execute(delete(notices).where(notices.c.finished_at <= now(-ended))).rowcount
