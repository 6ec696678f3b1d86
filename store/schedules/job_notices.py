"""Where notices of a job's end go, and which jobs have ended without one."""

from collections.abc import Iterable

from sqlalchemy import Connection, insert, select, update

from qwenq.schemas.states import ENDED_JOB_STATES
from qwenq.schemas.tables.core import jobs
from qwenq.schemas.tables.schedules import job_notices
from qwenq.store.database.clock import now


def insert_job_notices(connection: Connection, job_id: int, urls: Iterable[str]) -> None:
    """Note where the notices of a new job go."""
    rows = [{"job_id": job_id, "url": url} for url in dict.fromkeys(urls)]
    if rows:
        connection.execute(insert(job_notices), rows)


def take_ended_job(connection: Connection) -> tuple[int, str] | None:
    """Take a job that ended without a notice: its id, and where a notice goes. The caller inserts it.

    Two processes take different ones. None: there is no such job.
    """
    row = connection.execute(
        select(job_notices.c.job_id, job_notices.c.url)
        .join(jobs, jobs.c.id == job_notices.c.job_id)
        .where(job_notices.c.made_at.is_(None), jobs.c.state.in_(ENDED_JOB_STATES))
        .order_by(job_notices.c.job_id, job_notices.c.url)
        .limit(1)
        .with_for_update(skip_locked=True, of=job_notices)
    ).one_or_none()
    if row is None:
        return None
    connection.execute(
        update(job_notices)
        .where(job_notices.c.job_id == row.job_id, job_notices.c.url == row.url)
        .values(made_at=now())
    )
    return row.job_id, row.url


def notify_again(connection: Connection, job_id: int) -> None:
    """Let the next end of a job, which runs again, have notices of its own."""
    connection.execute(update(job_notices).where(job_notices.c.job_id == job_id).values(made_at=None))
