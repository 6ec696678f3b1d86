"""What a model's newest measured job took: the measure for a job that is not stored yet."""

from sqlalchemy import Connection, func, select

from qwenq.schemas.tables.core import batches, chunks, jobs
from qwenq.schemas.views.measured_speed import MeasuredSpeed

_LOOKED_AT = 20
"""How many of the model's newest jobs are looked at: the last ones may have generated nothing."""


def measured_speed(connection: Connection, model: str, tenant: str | None = None) -> MeasuredSpeed | None:
    """The newest job of a model, on request of a tenant, that generated answers; None if none of the last ones did."""
    of_model = select(jobs.c.id).where(jobs.c.model == model)
    if tenant is not None:
        of_model = of_model.where(jobs.c.tenant == tenant)
    newest = of_model.order_by(jobs.c.id.desc()).limit(_LOOKED_AT)
    work = (
        select(
            batches.c.job_id,
            func.sum(batches.c.prompt_tokens + batches.c.prefix_tokens).label("prompt_tokens"),
            func.sum(batches.c.new_tokens).label("new_tokens"),
            func.sum(batches.c.seconds).label("seconds"),
        )
        .where(batches.c.job_id.in_(newest))
        .group_by(batches.c.job_id)
        .order_by(batches.c.job_id.desc())
    )
    for row in connection.execute(work):
        answers = connection.execute(
            select(func.sum(chunks.c.succeeded - chunks.c.reused)).where(chunks.c.job_id == row.job_id)
        ).scalar_one()
        if answers and row.seconds and row.new_tokens:
            return MeasuredSpeed(
                row.job_id, int(answers), int(row.prompt_tokens), int(row.new_tokens), float(row.seconds)
            )
    return None
