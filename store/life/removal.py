"""Removing jobs with all that belongs to them: a batch of documents a transaction, so that others get on beside it."""

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
"""How long a job that is being removed is this process's: a few hundred times what a batch takes."""


def remove_abandoned(store: Store, within_seconds: float) -> int:
    """Remove half jobs that nobody stores any more, for so long at the most. Returns how many are gone."""
    deadline = time.monotonic() + within_seconds
    with store.reading() as connection:
        abandoned = abandoned_jobs(connection)
    gone = 0
    for job_id in abandoned:
        with store.writing() as connection:
            half = hold_abandoned(connection, job_id, LEASE_SECONDS)
        gone += half is not None and remove(store, half, until=lambda: time.monotonic() > deadline)
    return gone


def remove(store: Store, half: HalfJob, until: Callable[[], bool] = lambda: False) -> bool:
    """Remove a half job, its last documents first. False: `until` said so before, or another process has it.

    Whatever ends it early, the job stays half, and the next removal goes on.
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
        # Others wait for SQLite's one lock by looking now and then: they must find it free as often as taken.
        time.sleep(time.monotonic() - began)
    return False


def _remove_last_rows(connection: Connection, job_id: int) -> bool:
    """Remove the last documents with their results. False: there was none left."""
    last: int | None = connection.execute(
        select(func.max(documents.c.seq)).where(documents.c.job_id == job_id)
    ).scalar_one()
    if last is None:
        return False
    for table in (results, documents):
        connection.execute(delete(table).where(table.c.job_id == job_id, table.c.seq > last - ROWS_AT_ONCE))
    return True
