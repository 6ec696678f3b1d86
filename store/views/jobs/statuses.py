"""The status of jobs, counted from their chunks."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, Row, Select, func, select, tuple_

from qwenq.schemas.generation import NEUTRAL, GenerationParams, Sampling
from qwenq.schemas.jobs import DocumentCounts, JobFilter, JobOrder, JobStatus, LastChange, TokenUsage
from qwenq.schemas.sampling.settling import in_words
from qwenq.schemas.states import CLAIMABLE_JOB_STATES, ChunkState, JobChange, JobState
from qwenq.schemas.tables.core import batches, chunks, jobs
from qwenq.schemas.workers import LoadProgress
from qwenq.store.conditions import job_is_claimable, unfinished_of_chunk
from qwenq.store.database.clock import now
from qwenq.store.views.fleet.workers import failures_of, loading_of

_ANY = JobFilter()
_LAST = jobs.alias("last")
"""The last job of the page before."""
_OF_ANSWERS = ("reused", "cut", "empty", "reasoning_cut", "reasoning_ended")
_ORDERS: Mapping[JobOrder, tuple[Callable[[Any], tuple[ColumnElement[Any], ...]], bool]] = {
    JobOrder.NEWEST: (lambda table: (table.c.id,), True),
    JobOrder.OLDEST: (lambda table: (table.c.id,), False),
    JobOrder.FINISHED: (lambda table: (table.c.finished_at, table.c.id), True),
    JobOrder.NAME: (lambda table: (func.lower(table.c.name), table.c.id), False),
}
"""The columns of each order, and whether they fall."""


def job_status(connection: Connection, job_id: int) -> JobStatus | None:
    """One job's status; None when there is no such job."""
    return next(iter(_read(connection, _statuses().where(jobs.c.id == job_id))), None)


def job_statuses(
    connection: Connection,
    limit: int,
    wanted: JobFilter = _ANY,
    order: JobOrder = JobOrder.NEWEST,
    after: int | None = None,
) -> list[JobStatus]:
    """The status of the first jobs that fit, or of the first after the job `after`.

    Reads only their own chunks, however many jobs there are.
    """
    keys_of, is_falling = _ORDERS[order]
    keys = keys_of(jobs)
    query = select(jobs.c.id).where(*_fitting(wanted))
    if order == JobOrder.FINISHED:
        query = query.where(jobs.c.finished_at.is_not(None))
    if after is not None:
        # Compared in the database, because a time may be rounded on its way. After a removed job nothing follows.
        last = tuple_(*(select(key).where(_LAST.c.id == after).scalar_subquery() for key in keys_of(_LAST)))
        query = query.where(tuple_(*keys) < last if is_falling else tuple_(*keys) > last)
    query = query.order_by(*(key.desc() if is_falling else key for key in keys)).limit(limit)
    ids = connection.execute(query).scalars().all()
    found = {job.id: job for job in _read(connection, _statuses().where(jobs.c.id.in_(ids)))}
    return [found[job_id] for job_id in ids]


def jobs_by_state(connection: Connection, most: int) -> dict[JobState, int]:
    """How many jobs are in each state. Counts at most `most` of each, however many there are."""
    counts = {}
    for state in JobState:
        some = select(jobs.c.id).where(jobs.c.state == state).limit(most).subquery()
        counts[state] = connection.execute(select(func.count()).select_from(some)).scalar_one()
    return counts


def models_of_jobs(connection: Connection) -> list[str]:
    """The models of all jobs, by name."""
    return _values_of(connection, jobs.c.model)


def tenants_of_jobs(connection: Connection) -> list[str]:
    """The tenants of all jobs, by name."""
    return _values_of(connection, jobs.c.tenant)


def _values_of(connection: Connection, column: Column[str]) -> list[str]:
    """The values of a column that begins an index. Each costs one look-up, however many jobs there are."""
    first = select(func.min(column).label("value")).cte("found", recursive=True)
    after = select(func.min(column)).where(column > first.c.value).scalar_subquery()
    found = first.union_all(select(after).where(first.c.value.is_not(None)))
    return list(connection.execute(select(found.c.value).where(found.c.value.is_not(None))).scalars())


def open_jobs(connection: Connection) -> dict[str, list[int]]:
    """The ids of queued and running jobs, by model, oldest first."""
    rows = connection.execute(
        select(jobs.c.model, jobs.c.id).where(job_is_claimable()).order_by(jobs.c.model, jobs.c.id)
    )
    found: dict[str, list[int]] = {}
    for model, job_id in rows:
        found.setdefault(model, []).append(job_id)
    return found


def _with_workers(connection: Connection, statuses: list[JobStatus]) -> list[JobStatus]:
    """The same; jobs that wait for a model say how far a worker is with it, or why the last one failed."""
    open_ = [status for status in statuses if status.state in CLAIMABLE_JOB_STATES]
    failed = failures_of(connection, {status.model for status in open_})
    loading = loading_of(connection, {status.model for status in open_ if status.state == JobState.QUEUED})
    return [_with_worker(status, loading, failed) for status in statuses]


def _with_worker(
    status: JobStatus, loading: Mapping[str, LoadProgress], failed: Mapping[str, str]
) -> JobStatus:
    found: dict[str, object] = {}
    if status.state == JobState.QUEUED and status.model in loading:
        found["loading"] = loading[status.model]
    if status.state in CLAIMABLE_JOB_STATES and status.model in failed:
        found["worker_failure"] = failed[status.model]
    return status.model_copy(update=found) if found else status


def _fitting(wanted: JobFilter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if wanted.state is not None:
        conditions.append(jobs.c.state == wanted.state)
    if wanted.model is not None:
        conditions.append(jobs.c.model == wanted.model)
    if wanted.name is not None:
        conditions.append(jobs.c.name.icontains(wanted.name, autoescape=True))
    if wanted.tenant is not None:
        conditions.append(jobs.c.tenant == wanted.tenant)
    return conditions


def _running_documents() -> ColumnElement[int]:
    """Documents that workers hold: those without an outcome in running chunks."""
    return func.sum(unfinished_of_chunk()).filter(chunks.c.state == ChunkState.RUNNING)


def _read(connection: Connection, query: Select[Any]) -> list[JobStatus]:
    rows = connection.execute(query).all()
    measured = _measured_at(connection, [row.id for row in rows if row.state == JobState.RUNNING])
    return _with_workers(connection, [_as_status(row, measured.get(row.id)) for row in rows])


def _measured_at(connection: Connection, job_ids: Sequence[int]) -> Mapping[int, datetime | None]:
    """When these jobs were last measured. The index has it at its end, however many batches there are."""
    if not job_ids:
        return {}
    newest = select(func.max(batches.c.finished_at)).where(batches.c.job_id == jobs.c.id).scalar_subquery()
    rows = connection.execute(select(jobs.c.id, newest.label("at")).where(jobs.c.id.in_(job_ids)))
    return {row.id: row.at for row in rows}


def _statuses() -> Select[Any]:
    # Chunks carry the counts: the status of a million documents is a sum over thousands of rows.
    return (
        select(
            jobs.c.id,
            jobs.c.name,
            jobs.c.state,
            jobs.c.model,
            jobs.c.submitter,
            jobs.c.tenant,
            jobs.c.prompt["named"].as_string().label("template"),
            jobs.c.params["thinking"].as_boolean().label("thinking"),
            jobs.c.params["sampling"].as_string().label("sampling"),
            *(jobs.c.params[name].as_float().label(name) for name in NEUTRAL),
            jobs.c.created_at,
            jobs.c.started_at,
            jobs.c.finished_at,
            jobs.c.last_change,
            jobs.c.changed_by,
            jobs.c.changed_at,
            jobs.c.idle_since,
            jobs.c.idle_seconds,
            now().label("asked_at"),
            func.max(chunks.c.created_at).label("chunk_created_at"),
            func.max(chunks.c.finished_at).label("chunk_finished_at"),
            func.sum(chunks.c.documents).label("total"),
            _running_documents().label("running"),
            func.sum(chunks.c.succeeded).label("succeeded"),
            func.sum(chunks.c.failed).label("failed"),
            func.sum(chunks.c.cancelled).label("cancelled"),
            *(func.sum(chunks.c[name]).label(name) for name in _OF_ANSWERS),
            func.sum(chunks.c.prompt_tokens).label("prompt_tokens"),
            func.sum(chunks.c.completion_tokens).label("completion_tokens"),
            func.sum(chunks.c.reasoning_tokens).label("reasoning_tokens"),
            func.sum(chunks.c.prefix_tokens).label("prefix_tokens"),
        )
        .select_from(jobs.outerjoin(chunks, chunks.c.job_id == jobs.c.id))
        .group_by(jobs.c.id)
    )


def _as_status(row: Row[Any], measured_at: datetime | None) -> JobStatus:
    counts = {
        name: int(getattr(row, name) or 0)
        for name in ("total", "running", "succeeded", "failed", "cancelled")
    }
    pending = 2 * counts["total"] - sum(counts.values())
    answered = {name: int(getattr(row, name) or 0) for name in _OF_ANSWERS}
    usage = TokenUsage(
        prompt_tokens=int(row.prompt_tokens or 0),
        completion_tokens=int(row.completion_tokens or 0),
        reasoning_tokens=int(row.reasoning_tokens or 0),
        prefix_tokens=int(row.prefix_tokens or 0),
    )
    return JobStatus(
        id=row.id,
        name=row.name,
        state=JobState(row.state),
        model=row.model,
        documents=DocumentCounts(pending=pending, **counts, **answered),
        usage=usage,
        submitter=row.submitter,
        tenant=row.tenant,
        template=row.template,
        sampling=_sampling(row),
        tokens_per_second=_rate(usage.completion_tokens, _working_seconds(row)),
        created_at=row.created_at,
        started_at=row.started_at,
        finished_at=row.finished_at,
        last_change=_last_change(row),
        still_seconds=_still_seconds(row, measured_at),
    )


def _sampling(row: Row[Any]) -> str:
    given = {name: getattr(row, name) for name in NEUTRAL}
    origin = Sampling(row.sampling or Sampling.GREEDY)
    params = GenerationParams.model_construct(sampling=origin, thinking=bool(row.thinking), **given)
    return in_words(params, row.model)


def _still_seconds(row: Row[Any], measured_at: datetime | None) -> float | None:
    if row.state not in CLAIMABLE_JOB_STATES:
        return None
    moved = (
        row.created_at,
        row.started_at,
        row.changed_at,
        measured_at,
        row.chunk_created_at,
        row.chunk_finished_at,
    )
    seconds: float = (row.asked_at - max(at for at in moved if at is not None)).total_seconds()
    return max(0.0, round(seconds, 1))


def _last_change(row: Row[Any]) -> LastChange | None:
    if row.last_change is None:
        return None
    return LastChange(change=JobChange(row.last_change), by=row.changed_by, at=row.changed_at)


def _working_seconds(row: Row[Any]) -> float:
    """Seconds since the job's first claim, without those in which it could not run."""
    if row.started_at is None:
        return 0.0
    end: datetime = row.finished_at or row.idle_since or row.asked_at
    seconds: float = (end - row.started_at).total_seconds() - row.idle_seconds
    return seconds


def _rate(tokens: int, seconds: float) -> float | None:
    return round(tokens / seconds, 2) if seconds > 0 else None
