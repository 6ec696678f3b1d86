"""Read notices to webhooks."""

from collections.abc import Sequence

from sqlalchemy import Connection, select

from qwenq.schemas.schedules import NoticeStatus
from qwenq.schemas.tables.schedules import notices


def notices_of(connection: Connection, keys: Sequence[str]) -> list[NoticeStatus]:
    """The status of the notices with these keys, newest first."""
    rows = connection.execute(
        select(notices.c.key, notices.c.url, notices.c.state, notices.c.attempts, notices.c.error)
        .where(notices.c.key.in_(keys))
        .order_by(notices.c.id.desc())
    )
    return [NoticeStatus(**row._mapping) for row in rows]  # noqa: SLF001
