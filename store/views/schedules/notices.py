"""Read notices."""

from collections.abc import Sequence

from sqlalchemy import Connection, func, select

from qwenq.schemas.schedules import NoticeStatus
from qwenq.schemas.states import ENDED_JOB_STATES
from qwenq.schemas.tables.core import jobs
from qwenq.schemas.tables.schedules import job_notices, notices
from qwenq.store.database.clock import now


def notices_of(connection: Connection, keys: Sequence[str]) -> list[NoticeStatus]:
    """The status of the notices with these keys, newest first."""
    rows = connection.execute(
        select(notices.c.key, notices.c.url, notices.c.state, notices.c.attempts, notices.c.error)
        .where(notices.c.key.in_(keys))
        .order_by(notices.c.id.desc())
    )
    return [NoticeStatus(**row._mapping) for row in rows]  # noqa: SLF001


def notices_of_job(connection: Connection, job_id: int) -> list[NoticeStatus]:
    """The status of a job's own notices, newest first."""
    rows = connection.execute(
        select(notices.c.key, notices.c.url, notices.c.state, notices.c.attempts, notices.c.error)
        .where(notices.c.key.startswith(f"job_{job_id}_", autoescape=True))
        .order_by(notices.c.id.desc())
    )
    return [NoticeStatus(**row._mapping) for row in rows]  # noqa: SLF001


def count_unmade(connection: Connection, seconds: float) -> int:
    """Count the jobs that ended at least so many seconds ago and got no notice: no beat makes it."""
    counted: int = connection.execute(
        select(func.count(job_notices.c.job_id.distinct()))
        .join_from(job_notices, jobs)
        .where(
            job_notices.c.made_at.is_(None),
            jobs.c.state.in_(ENDED_JOB_STATES),
            jobs.c.finished_at <= now(-seconds),
        )
    ).scalar_one()
    return counted
