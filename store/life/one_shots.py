"""Runs: what lets `qwenq run` go on with a job that an interrupted one left."""

from sqlalchemy import Connection, func, select, update

from qwenq.schemas.states import JobState
from qwenq.schemas.tables.core import jobs

_TO_TAKE_UP = (
    JobState.QUEUED,
    JobState.RUNNING,
    JobState.PAUSED,
    JobState.COMPLETED,
    JobState.FAILED,
)


def job_to_continue(connection: Connection, run_key: str) -> int | None:
    """The job of an earlier run of the same command whose answers were not delivered; it may have ended."""
    job_id: int | None = connection.execute(
        select(func.max(jobs.c.id)).where(jobs.c.run_key == run_key, jobs.c.state.in_(_TO_TAKE_UP))
    ).scalar_one()
    return job_id


def forget_one_shot(connection: Connection, job_id: int) -> None:
    """Note that a run's answers were delivered: the same command begins a new job."""
    connection.execute(update(jobs).where(jobs.c.id == job_id).values(run_key=None))
