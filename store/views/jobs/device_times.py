"""How long devices generated for a job."""

from sqlalchemy import (
    Connection,
    bindparam,
    func,
    select,
)

from qwenq.schemas.tables.core import batches, workers
from qwenq.schemas.views.job_costs import DeviceTime

_TIMES = (
    select(
        func.coalesce(workers.c.device, "unknown").label("device"),
        func.count(batches.c.worker_id.distinct()).label("workers"),
        func.sum(batches.c.seconds).label("seconds"),
    )
    .select_from(batches.outerjoin(workers, workers.c.id == batches.c.worker_id))
    .where(batches.c.job_id == bindparam("of_job"))
    .group_by("device")
    .order_by(func.sum(batches.c.seconds).desc())
)


def device_times(connection: Connection, job_id: int) -> list[DeviceTime]:
    """The time of each kind of device, longest first. Documents generated together share their time."""
    return [
        DeviceTime(device=row.device, workers=row.workers, seconds=round(row.seconds, 3))
        for row in connection.execute(_TIMES, {"of_job": job_id})
    ]


def device_seconds(connection: Connection, job_id: int) -> float:
    """The device seconds that a job's documents took."""
    seconds = connection.execute(
        select(func.sum(batches.c.seconds)).where(batches.c.job_id == job_id)
    ).scalar_one()
    return float(seconds or 0.0)
