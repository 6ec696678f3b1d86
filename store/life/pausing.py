"""Pausing: no chunk of a paused job is claimed until it is resumed."""

from sqlalchemy import Connection, case, true, update

from qwenq.schemas.errors import JobNotPausable, JobNotPaused
from qwenq.schemas.log.events import Event
from qwenq.schemas.states import JobChange, JobState
from qwenq.schemas.tables.core import chunks, jobs
from qwenq.store.conditions import chunk_is_queued, job_is_claimable
from qwenq.store.database.clock import now
from qwenq.store.database.transitions import note_transition
from qwenq.store.life.jobs import hold_job, no_longer_idle


def pause_job(connection: Connection, job_id: int) -> None:
    """Stop a job from being claimed; workers learn it with their next renewal. Raises JobNotPausable."""
    was_running = jobs.c.state == JobState.RUNNING
    paused = connection.execute(
        update(jobs)
        .where(jobs.c.id == job_id, job_is_claimable())
        .values(
            state=JobState.PAUSED,
            paused_from=jobs.c.state,
            idle_since=case((was_running, now()), else_=jobs.c.idle_since),
        )
    )
    if not paused.rowcount:
        raise JobNotPausable(job_id=job_id, state=hold_job(connection, job_id))
    note_transition(connection, Event.JOB_PAUSED, job=job_id)


def resume_job(connection: Connection, job_id: int) -> None:
    """Let a paused job go on, in its earlier state; one that was held for other weights, with these too.

    Its waiting chunks must be announced again: messages that arrived meanwhile found nothing to claim. Raises
    JobNotPaused.
    """
    resumed = connection.execute(
        update(jobs)
        .where(jobs.c.id == job_id, jobs.c.state == JobState.PAUSED)
        .values(
            state=jobs.c.paused_from,
            paused_from=None,
            mixed_weights=case((jobs.c.last_change == JobChange.HELD, true()), else_=jobs.c.mixed_weights),
            **no_longer_idle(),
        )
    )
    if not resumed.rowcount:
        raise JobNotPaused(job_id=job_id, state=hold_job(connection, job_id))
    connection.execute(
        update(chunks).where(chunks.c.job_id == job_id, chunk_is_queued()).values(published_at=None)
    )
    note_transition(connection, Event.JOB_RESUMED, job=job_id)
