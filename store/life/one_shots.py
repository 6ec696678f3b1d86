"""One-shots: find the job that an interrupted `qwenq run` left, so that the next one goes on with it."""

from sqlalchemy import Connection, func, select, update

from qwenq.schemas.states import JobState
from qwenq.schemas.tables.core import jobs

_RESUMABLE = (
    JobState.QUEUED,
    JobState.RUNNING,
    JobState.PAUSED,
    JobState.COMPLETED,
    JobState.FAILED,
)


def job_to_continue(connection: Connection, one_shot_key: str) -> int | None:
    """The job of an earlier one-shot of the same command whose answers were not written; it may have ended."""
    job_id: int | None = connection.execute(
        select(func.max(jobs.c.id)).where(jobs.c.run_key == one_shot_key, jobs.c.state.in_(_RESUMABLE))
    ).scalar_one()
    return job_id


def forget_one_shot(connection: Connection, job_id: int) -> None:
    """Note that a one-shot's answers were written: the same command then begins a new job."""
    connection.execute(update(jobs).where(jobs.c.id == job_id).values(run_key=None))
