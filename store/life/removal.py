"""Removing jobs with all their rows: a batch of documents a transaction, so that others can work meanwhile."""

import time
from collections.abc import Callable

from sqlalchemy import Connection, delete, func, select

from qwenq.schemas.jobs import HalfJob
from qwenq.schemas.log.events import Event
from qwenq.schemas.tables.core import documents, jobs, results
from qwenq.store.database.store import Store
from qwenq.store.database.transitions import note_transition
from qwenq.store.life.half_jobs import hold_abandoned, renew_removal
from qwenq.store.views.work.prunable import abandoned_jobs

ROWS_AT_ONCE = 5_000
LEASE_SECONDS = 60.0
"""The lease on a job that is being removed: a few hundred times what a batch takes."""


def remove_abandoned(store: Store, within_seconds: float) -> int:
    """Remove abandoned half jobs, for at most this long. Returns how many are gone."""
    deadline = time.monotonic() + within_seconds
    with store.reading() as connection:
        abandoned = abandoned_jobs(connection)
    gone = 0
    for job_id in abandoned:
        with store.writing() as connection:
            half = hold_abandoned(connection, job_id, LEASE_SECONDS)
        gone += half is not None and remove(store, half, until=lambda: time.monotonic() >= deadline)
    return gone


def remove(store: Store, half: HalfJob, until: Callable[[], bool] = lambda: False) -> bool:
    """Remove a half job, last documents first. False: `until` stopped it, or another process holds the job.

    If it ends early, the job stays half, and the next removal goes on, at once.
    """
    while not until():
        began = time.monotonic()
        with store.writing() as connection:
            if not renew_removal(connection, half, LEASE_SECONDS):
                return False
            if not _remove_last_rows(connection, half.job_id):
                connection.execute(delete(jobs).where(jobs.c.id == half.job_id))
                note_transition(connection, Event.JOB_PRUNED, job=half.job_id)
                return True
        # Others poll for SQLite's one lock: leave it free half of the time.
        time.sleep(time.monotonic() - began)
    with store.writing() as connection:
        renew_removal(connection, half, 0.0)
    return False


def _remove_last_rows(connection: Connection, job_id: int) -> bool:
    """Remove the last documents with their results. False: there were none."""
    last: int | None = connection.execute(
        select(func.max(documents.c.seq)).where(documents.c.job_id == job_id)
    ).scalar_one()
    if last is None:
        return False
    for table in (results, documents):
        connection.execute(delete(table).where(table.c.job_id == job_id, table.c.seq > last - ROWS_AT_ONCE))
    return True
