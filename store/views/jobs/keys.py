"""Idempotency keys, and the jobs that they name."""

from sqlalchemy import Connection, func, select

from qwenq.schemas.generation import GenerationParams
from qwenq.schemas.jobs import KeyedJob, PromptSpec
from qwenq.schemas.states import JobState
from qwenq.schemas.tables.core import jobs
from qwenq.store.conditions import is_abandoned


def job_of_key(connection: Connection, key: str) -> KeyedJob | None:
    """The job that was submitted with this key; None when there is no such job."""
    row = connection.execute(
        select(
            jobs.c.id,
            jobs.c.state,
            is_abandoned().label("abandoned"),
            jobs.c.model,
            jobs.c.prompt,
            func.coalesce(jobs.c.first_params, jobs.c.params).label("params"),
            jobs.c.input_digest,
        ).where(jobs.c.idempotency_key == key)
    ).one_or_none()
    if row is None:
        return None
    return KeyedJob(
        job_id=row.id,
        state=JobState(row.state),
        abandoned=bool(row.abandoned),
        model=row.model,
        prompt=PromptSpec.model_validate(row.prompt),
        params=GenerationParams.model_validate(row.params),
        input_digest=row.input_digest,
    )
