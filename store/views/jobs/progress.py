"""A job's progress over time: documents and tokens, from its batches and chunks. Reads no answer."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import BigInteger, Connection, bindparam, case, func, select

from qwenq.schemas.states import ChunkState
from qwenq.schemas.tables.columns import UtcTime
from qwenq.schemas.tables.core import batches, chunks, jobs
from qwenq.schemas.views.progress import Progress, ProgressPoint
from qwenq.store.database.clock import now
from qwenq.store.database.steps import step_of, step_seconds

MOST_POINTS = 120
RATE_SECONDS = 60.0
"""A speed is averaged over at least this long: workers report every ten seconds, and in less time one report more or
less would look like a jump."""
MANY_CHUNKS = 1_000
"""From this many chunks on, they alone show a job's progress finely enough; with fewer, batches are read as well."""

_of_job = bindparam("of_job", type_=BigInteger)
_SPAN = (
    select(
        jobs.c.started_at,
        jobs.c.finished_at,
        now().label("asked_at"),
        func.count(chunks.c.id).label("chunks"),
    )
    .select_from(jobs.outerjoin(chunks, chunks.c.job_id == jobs.c.id))
    .where(jobs.c.id == _of_job)
    .group_by(jobs.c.id)
)
_REPORTED = (
    select(
        step_of(batches.c.finished_at).label("step"),
        func.sum(batches.c.rows).label("documents"),
        func.sum(batches.c.new_tokens).label("tokens"),
    )
    .where(batches.c.job_id == _of_job)
    .group_by("step")
)
_measured = (
    select(batches.c.chunk_id, func.sum(batches.c.rows).label("rows"))
    .where(batches.c.job_id == _of_job)
    .group_by(batches.c.chunk_id)
    .subquery()
)
_outcomes = chunks.c.succeeded + chunks.c.failed
# Chunks of bad rows were done from the start, without running. Running chunks count until now.
_known_at = func.coalesce(
    chunks.c.finished_at,
    case((chunks.c.state == ChunkState.DONE, chunks.c.created_at), else_=bindparam("until", type_=UtcTime)),
)
_OF_CHUNKS = (
    select(step_of(_known_at).label("step"), func.sum(_outcomes).label("documents"))
    .where(chunks.c.job_id == _of_job)
    .group_by("step")
)
# Outcomes without a batch, such as reused answers; less what went through the model twice.
_UNREPORTED = (
    select(
        step_of(_known_at).label("step"),
        func.sum(_outcomes - func.coalesce(_measured.c.rows, 0)).label("documents"),
    )
    .select_from(chunks.outerjoin(_measured, _measured.c.chunk_id == chunks.c.id))
    .where(chunks.c.job_id == _of_job)
    .group_by("step")
)


def job_progress(connection: Connection, job_id: int) -> Progress:
    """A job's progress from its first claim to its end, or now; no points before that claim."""
    job = connection.execute(_SPAN, {"of_job": job_id}).one_or_none()
    if job is None or job.started_at is None:
        return Progress()
    until: datetime = job.finished_at or job.asked_at
    seconds = max(0.0, (until - job.started_at).total_seconds())
    length = step_seconds(seconds, MOST_POINTS)
    given = {"of_job": job_id, "began": job.started_at, "step_seconds": length, "until": until}
    steps = [_Step() for _ in range(int(seconds // length) + 1)]
    many = job.chunks >= MANY_CHUNKS
    for row in connection.execute(_REPORTED, given):
        step = _at(steps, row.step)
        step.tokens += int(row.tokens)
        step.documents += 0 if many else int(row.documents)
    for row in connection.execute(_OF_CHUNKS if many else _UNREPORTED, given):
        _at(steps, row.step).documents += int(row.documents)
    points = _points(steps, job.started_at, until, length)
    if job.finished_at is None:
        points[-1] = replace(points[-1], tokens_per_second=None)
    return Progress(length, points)


@dataclass(slots=True)
class _Step:
    documents: int = 0
    tokens: int = 0


def _at(steps: Sequence[_Step], number: int) -> _Step:
    """The step, or the nearest: bad rows come before the first claim, a last batch may come after the end."""
    return steps[min(max(number, 0), len(steps) - 1)]


def _points(steps: Sequence[_Step], began: datetime, until: datetime, length: float) -> list[ProgressPoint]:
    """A point at the beginning, then one at the end of each step."""
    points, tokens = [ProgressPoint(began, 0, None)], [0]
    for number, step in enumerate(steps, start=1):
        at = min(began + timedelta(seconds=number * length), until)
        tokens.append(tokens[-1] + step.tokens)
        passed = (at - began).total_seconds()
        since = max(0, int((passed - max(RATE_SECONDS, length)) // length))
        rate = (tokens[-1] - tokens[since]) / max(passed - since * length, 1.0)
        points.append(ProgressPoint(at, points[-1].documents + step.documents, rate))
    return points
