"""Sums over chunks: read each time for open jobs, and kept for jobs at rest, however many there are."""

from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, func, literal, select, type_coerce
from sqlalchemy.types import NullType

from qwenq.schemas.states import ENDED_JOB_STATES, ChunkState, JobState
from qwenq.schemas.tables.core import chunks, jobs
from qwenq.schemas.views.gauges import ChunkSums, RestedJobs
from qwenq.store.conditions import unfinished_of_chunk

# No grouping, join or case: they cost more than reading the rows.
_SUMS = select(
    *(
        func.coalesce(func.sum(column), 0).label(column.name)
        for column in (getattr(chunks.c, name) for name in ChunkSums.__dataclass_fields__)
    )
)
_OPEN = select(jobs.c.id).where(jobs.c.state.in_(frozenset(JobState) - ENDED_JOB_STATES))
# Cancelled jobs with chunks that workers have not dropped yet.
_ENDING = (
    select(jobs.c.id)
    .join(chunks, chunks.c.job_id == jobs.c.id)
    .where(chunks.c.state == ChunkState.RUNNING, jobs.c.state.in_(ENDED_JOB_STATES))
    .distinct()
)
# The database's own value: a datetime rounds SQLite's numbers, and would find the newest job again.
_ENDED_AT: ColumnElement[Any] = type_coerce(jobs.c.finished_at, NullType())


def open_sums(connection: Connection) -> ChunkSums:
    """The sums over jobs that have not ended."""
    return _summed(connection, chunks.c.job_id.in_(_OPEN))


def ending_sums(connection: Connection) -> ChunkSums:
    """The sums over ended jobs with chunks that workers still hold."""
    return _summed(connection, chunks.c.job_id.in_(_ENDING))


def documents_in_work(connection: Connection) -> tuple[int, int]:
    """Count the documents without an outcome in running chunks: of all jobs, and of open jobs."""
    unfinished = select(func.coalesce(func.sum(unfinished_of_chunk()), 0)).where(
        chunks.c.state == ChunkState.RUNNING
    )
    every = connection.execute(unfinished).scalar_one()
    return int(every), int(connection.execute(unfinished.where(chunks.c.job_id.in_(_OPEN))).scalar_one())


def rested_sums(
    connection: Connection, ended: int, before: RestedJobs | None, going_on: ChunkSums
) -> RestedJobs:
    """The sums over jobs at rest: `ended` ones without a chunk that a worker holds.

    Adds what ended since the sums `before`. If the number of jobs then differs, since jobs were retried, removed or
    dropped late, sums all chunks again, without those of `going_on`.
    """
    resting = ended - _count(connection, _ENDING)
    if before is not None:
        newer = select(jobs.c.id).where(
            literal(before.newest, NullType()) < _ENDED_AT, jobs.c.id.not_in(_ENDING)
        )
        if before.jobs + _count(connection, newer) == resting:
            sums = before.sums + _summed(connection, chunks.c.job_id.in_(newer))
            return RestedJobs(resting, _newest(connection), sums)
    return RestedJobs(resting, _newest(connection), _summed(connection) - going_on)


def _summed(connection: Connection, *which: ColumnElement[bool]) -> ChunkSums:
    row = connection.execute(_SUMS.where(*which)).one()
    return ChunkSums(*map(int, row))


def _count(connection: Connection, found: Select[Any]) -> int:
    return int(connection.execute(select(func.count()).select_from(found.subquery())).scalar_one())


def _newest(connection: Connection) -> object:
    return connection.execute(select(func.max(_ENDED_AT))).scalar_one()
