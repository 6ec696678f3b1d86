"""A job's metrics, from its answers and batches."""

import math
from collections.abc import Sequence
from statistics import fmean

from sqlalchemy import Connection, bindparam, func, literal, select
from sqlalchemy.dialects.postgresql import array

from qwenq.schemas.tables.core import batches, results
from qwenq.schemas.views.job_metrics import DeviceWork, JobMetrics, ResponseSeconds
from qwenq.store.views.jobs.statuses import job_status

SHARES = (0.5, 0.95)

_of_job = (results.c.job_id == bindparam("of_job")) & results.c.seconds.is_not(None)
_SUMMARY = select(
    func.count().label("answers"),
    func.avg(results.c.seconds).label("average"),
    func.percentile_cont(array([literal(share) for share in SHARES]))
    .within_group(results.c.seconds)
    .label("percentiles"),
).where(_of_job)
_SECONDS = select(results.c.seconds).where(_of_job)
_WORK = select(
    func.count().label("batches"),
    func.sum(batches.c.seconds).label("seconds"),
    func.sum(batches.c.prompt_tokens).label("computed_tokens"),
    func.sum(batches.c.padded_tokens).label("padded_tokens"),
    func.sum(batches.c.prefix_tokens).label("prefix_tokens"),
    func.sum(batches.c.new_tokens).label("new_tokens"),
    func.sum(batches.c.together * batches.c.seconds).label("together_seconds"),
    func.max(batches.c.resident_bytes).label("resident_bytes"),
    func.max(batches.c.gpu_peak_bytes).label("gpu_peak_bytes"),
).where(batches.c.job_id == bindparam("of_job"))


def job_metrics(connection: Connection, job_id: int) -> JobMetrics | None:
    """A job's metrics so far; None when there is no such job."""
    status = job_status(connection, job_id)
    if status is None:
        return None
    return JobMetrics(
        id=job_id,
        name=status.name,
        state=status.state,
        model=status.model,
        tokens_per_second=status.tokens_per_second,
        response_seconds=_response_seconds(connection, job_id),
        device=_device_work(connection, job_id),
    )


def _response_seconds(connection: Connection, job_id: int) -> ResponseSeconds | None:
    if connection.dialect.name == "sqlite":
        return _summary(connection.execute(_SECONDS, {"of_job": job_id}).scalars().all())
    found = connection.execute(_SUMMARY, {"of_job": job_id}).one()
    if not found.answers:
        return None
    p50, p95 = found.percentiles
    return ResponseSeconds(answers=found.answers, average=found.average, p50=p50, p95=p95)


def _summary(seconds: Sequence[float]) -> ResponseSeconds | None:
    """The same figures as PostgreSQL's. SQLite has no percentiles, and sorts numbers half as fast as Python."""
    if not seconds:
        return None
    ordered = sorted(seconds)
    p50, p95 = (_percentile(ordered, share) for share in SHARES)
    return ResponseSeconds(answers=len(ordered), average=fmean(ordered), p50=p50, p95=p95)


def _percentile(ordered: Sequence[float], share: float) -> float:
    """Interpolate between the two nearest answers."""
    place = share * (len(ordered) - 1)
    below, above = ordered[math.floor(place)], ordered[math.ceil(place)]
    return below + (above - below) * (place % 1)


def _device_work(connection: Connection, job_id: int) -> DeviceWork | None:
    found = connection.execute(_WORK, {"of_job": job_id}).one()
    if not found.batches:
        return None
    computed, padded, prefix = int(found.computed_tokens), int(found.padded_tokens), int(found.prefix_tokens)
    return DeviceWork(
        batches=found.batches,
        seconds=found.seconds,
        prompt_tokens=computed + prefix,
        prefix_tokens=prefix,
        completion_tokens=int(found.new_tokens),
        tokens_per_second=_ratio(int(found.new_tokens), found.seconds),
        padding_waste=_ratio(padded - computed, computed),
        prefix_reuse=_ratio(prefix, computed + prefix),
        together=_ratio(found.together_seconds, found.seconds),
        resident_bytes=found.resident_bytes,
        gpu_peak_bytes=found.gpu_peak_bytes,
    )


def _ratio(part: float, whole: float) -> float | None:
    return part / whole if whole else None
