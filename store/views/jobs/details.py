"""What a job asks for."""

from collections.abc import Sequence

from sqlalchemy import (
    Connection,
    select,
)

from qwenq.schemas.generation import GenerationParams
from qwenq.schemas.jobs import Priority, PromptSpec
from qwenq.schemas.tables.core import jobs
from qwenq.schemas.views.job_pages import JobDetails


def job_details(connection: Connection, job_id: int) -> JobDetails | None:
    """What a job asks for; None when there is no such job."""
    row = connection.execute(
        select(
            jobs.c.prompt,
            jobs.c.params,
            jobs.c.priority,
            jobs.c.sources,
            jobs.c.submitter,
            jobs.c.idempotency_key,
            jobs.c.reuse,
        ).where(jobs.c.id == job_id)
    ).one_or_none()
    if row is None:
        return None
    return JobDetails(
        prompt=PromptSpec.model_validate(row.prompt),
        params=GenerationParams.model_validate(row.params),
        priority=Priority(row.priority),
        sources=tuple(row.sources),
        submitter=row.submitter,
        idempotency_key=row.idempotency_key,
        reuse=row.reuse,
    )


def job_sources(connection: Connection, job_id: int) -> Sequence[str]:
    """The names of a job's input files, in order."""
    sources: Sequence[str] = connection.execute(
        select(jobs.c.sources).where(jobs.c.id == job_id)
    ).scalar_one()
    return sources
