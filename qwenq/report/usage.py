"""What a tenant used in a month, and what it cost."""

from datetime import date, timedelta

from sqlalchemy import Connection

from qwenq.schemas.service.usage import UsageReport, summed
from qwenq.store.tenants.usage import usage_of

_HOUR = 3_600.0


def gather_usage(
    connection: Connection, tenant: str, month: date, gpu_hour_price: float | None, currency: str
) -> UsageReport:
    """Read what a tenant used from the first to the last day of a month, in UTC."""
    first = month.replace(day=1)
    last = (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)
    used = usage_of(connection, tenant, first.isoformat(), last.isoformat())
    total = summed(used)
    return UsageReport(
        tenant=tenant,
        month=f"{first:%Y-%m}",
        used=tuple(used),
        total=total,
        gpu_hour_price=gpu_hour_price,
        currency=currency,
        cost=None if gpu_hour_price is None else round(total.device_seconds / _HOUR * gpu_hour_price, 4),
    )
