"""How much unfinished work a submitter has."""

from sqlalchemy import Connection, func, select

from qwenq.schemas.states import ENDED_JOB_STATES
from qwenq.schemas.tables.core import chunks, jobs
from qwenq.store.conditions import unfinished_of_chunk


def open_work_of(connection: Connection, submitter: str, beside: int) -> tuple[int, int]:
    """A submitter's unfinished jobs and their documents without an outcome, not counting the job `beside`."""
    is_open = jobs.c.state.not_in(ENDED_JOB_STATES) & (jobs.c.submitter == submitter) & (jobs.c.id != beside)
    count: int = connection.execute(select(func.count()).select_from(jobs).where(is_open)).scalar_one()
    waiting: int | None = connection.execute(
        select(func.sum(unfinished_of_chunk())).select_from(chunks.join(jobs)).where(is_open)
    ).scalar_one()
    return count, int(waiting or 0)
