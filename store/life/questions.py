"""Questions: single requests of the HTTP service, each an urgent job of one document that somebody waits for."""

from collections.abc import Collection
from contextlib import suppress

from sqlalchemy import ColumnElement, Connection, and_, exists, select, update

from qwenq.schemas.chunks import PlannedChunk
from qwenq.schemas.documents import Document
from qwenq.schemas.errors import JobNotCancellable
from qwenq.schemas.jobs import JobSpec
from qwenq.schemas.states import CLAIMABLE_JOB_STATES, ENDED_JOB_STATES, JobState
from qwenq.schemas.tables.core import chunks, jobs
from qwenq.store.database.clock import now
from qwenq.store.life.cancelling import cancel_job
from qwenq.store.life.chunks import insert_chunks
from qwenq.store.life.documents import insert_rows
from qwenq.store.life.half_jobs import queue_job
from qwenq.store.life.jobs import create_job

ABANDONED_SECONDS = 660.0
"""After this time nobody waits for a question any more: the service gives each up a minute earlier."""
_OPEN = (*CLAIMABLE_JOB_STATES, JobState.PAUSED)


def insert_question(connection: Connection, spec: JobSpec, document: Document) -> tuple[int, int]:
    """Store an urgent job of one document, which can be claimed at once. Returns the ids of job and chunk.

    Its chunk counts as announced.
    """
    job_id = create_job(connection, spec)
    insert_rows(connection, job_id, 0, [document], spec.sources)
    insert_chunks(connection, job_id, [PlannedChunk(0, 0)])
    queue_job(connection, job_id)
    announced = update(chunks).where(chunks.c.job_id == job_id).values(published_at=now())
    return job_id, connection.execute(announced.returning(chunks.c.id)).scalar_one()


def note_unannounced(connection: Connection, chunk_id: int) -> None:
    """Note that a question's message could not be sent: others will send it."""
    connection.execute(update(chunks).where(chunks.c.id == chunk_id).values(published_at=None))


def still_open(connection: Connection, job_ids: Collection[int]) -> set[int]:
    """Those of the jobs that have not ended."""
    query = select(jobs.c.id).where(jobs.c.id.in_(job_ids), jobs.c.state.not_in(ENDED_JOB_STATES))
    return set(connection.execute(query).scalars())


def question_state(connection: Connection, job_id: int, name: str) -> JobState | None:
    """The state of a question's job; None: it is gone. SQLite reuses the numbers of removed jobs."""
    query = select(jobs.c.state).where(jobs.c.id == job_id, jobs.c.name == name, jobs.c.urgent)
    state = connection.execute(query).scalar_one_or_none()
    return None if state is None else JobState(state)


def cancel_question(connection: Connection, job_id: int, name: str) -> bool:
    """Cancel a question for which nobody waits any more. False: it had ended."""
    if question_state(connection, job_id, name) is None:
        return False
    try:
        cancel_job(connection, job_id)
    except JobNotCancellable:
        return False
    return True


def any_abandoned() -> ColumnElement[bool]:
    """Whether a question is open for which nobody waits: the server that waited for it died."""
    return exists().where(_is_abandoned())


def cancel_abandoned(connection: Connection) -> int:
    """Cancel such questions. Returns how many."""
    ids = list(connection.execute(select(jobs.c.id).where(_is_abandoned())).scalars())
    for job_id in ids:
        with suppress(JobNotCancellable):
            cancel_job(connection, job_id)
    return len(ids)


def _is_abandoned() -> ColumnElement[bool]:
    return and_(jobs.c.urgent, jobs.c.state.in_(_OPEN), jobs.c.created_at < now(-ABANDONED_SECONDS))
