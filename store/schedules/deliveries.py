"""Deliveries of ended runs: their answers are written again after a failure, after a retry, or when a person asks."""

from sqlalchemy import Connection, select, update

from qwenq.schemas.states import ENDED_JOB_STATES, RunState
from qwenq.schemas.tables.core import jobs
from qwenq.schemas.tables.schedules import schedule_runs, schedules
from qwenq.store.database.clock import now

_DELIVERED = (RunState.SUCCEEDED, RunState.FAILED)


def ask_for_delivery(connection: Connection, run_id: int) -> bool:
    """Have the answers of an ended run delivered again as soon as its job has ended. False: it has no job, or runs."""
    asked = connection.execute(
        update(schedule_runs)
        .where(
            schedule_runs.c.id == run_id,
            schedule_runs.c.state.in_(_DELIVERED),
            schedule_runs.c.job_id.is_not(None),
        )
        .values(deliver_at=now())
    )
    return bool(asked.rowcount)


def deliver_after_retry(connection: Connection, job_id: int) -> None:
    """Have the run of a job that is retried deliver the answers anew, once the job has ended."""
    # Whatever the run's state: a process may be writing the earlier answers now.
    connection.execute(update(schedule_runs).where(schedule_runs.c.job_id == job_id).values(deliver_at=now()))


def reopen_deliveries(connection: Connection, run_id: int | None = None) -> int:
    """Reopen ended runs whose answers are to be delivered now: they run again, for the delivery alone.

    With `run_id`, only this run, even if its schedule was removed. Returns how many.
    """
    job_has_ended = (
        select(jobs.c.id)
        .where(jobs.c.id == schedule_runs.c.job_id, jobs.c.state.in_(ENDED_JOB_STATES))
        .exists()
    )
    is_kept = (
        select(schedules.c.id)
        .where(schedules.c.id == schedule_runs.c.schedule_id, schedules.c.removed_at.is_(None))
        .exists()
    )
    reopened = connection.execute(
        update(schedule_runs)
        .where(
            schedule_runs.c.deliver_at <= now(),
            schedule_runs.c.state.in_(_DELIVERED),
            job_has_ended,
            is_kept if run_id is None else schedule_runs.c.id == run_id,
        )
        .values(state=RunState.RUNNING, finished_at=None, deliver_at=None, crashes=0)
    )
    return reopened.rowcount
