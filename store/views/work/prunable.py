"""What may be removed: abandoned half jobs, jobs that ended long ago, workers long gone."""

from sqlalchemy import Connection, exists, func, select

from qwenq.schemas.states import JobState
from qwenq.schemas.tables.core import chunks, documents, jobs, workers
from qwenq.schemas.views.pruning import PrunedJob
from qwenq.store.conditions import is_abandoned, is_prunable, was_silent_for


def abandoned_jobs(connection: Connection) -> list[int]:
    """Half jobs whose lease ran out, oldest first."""
    return list(connection.execute(select(jobs.c.id).where(is_abandoned()).order_by(jobs.c.id)).scalars())


def prunable_jobs(connection: Connection, ended: float | None) -> list[PrunedJob]:
    """Abandoned half jobs, and jobs that ended this many seconds ago (None: no such jobs), oldest first."""
    rows = connection.execute(
        select(
            jobs.c.id,
            jobs.c.name,
            jobs.c.state,
            jobs.c.finished_at,
            select(func.coalesce(func.sum(chunks.c.documents), 0))
            .where(chunks.c.job_id == jobs.c.id)
            .scalar_subquery()
            .label("documents"),
        )
        .where(is_prunable(ended))
        .order_by(jobs.c.id)
    )
    return [
        PrunedJob(
            id=row.id,
            name=row.name,
            state=JobState(row.state),
            # Chunks carry the counts, but a half job's last rows are in no chunk yet.
            documents=_stored(connection, row.id) if row.state == JobState.VALIDATING else row.documents,
            finished_at=row.finished_at,
        )
        for row in rows
    ]


def count_prunable_workers(connection: Connection, seen: float, ended: float) -> int:
    """Count the workers that were silent for this many seconds and that no remaining job names."""
    staying = exists().where(
        chunks.c.worker_id == workers.c.id, jobs.c.id == chunks.c.job_id, ~is_prunable(ended)
    )
    counted: int = connection.execute(
        select(func.count()).select_from(workers).where(was_silent_for(seen), ~staying)
    ).scalar_one()
    return counted


def _stored(connection: Connection, job_id: int) -> int:
    counted: int = connection.execute(
        select(func.count()).select_from(documents).where(documents.c.job_id == job_id)
    ).scalar_one()
    return counted
