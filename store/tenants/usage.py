"""What tenants used: answers, tokens and device time by day, owner and model. It outlives jobs."""

from collections.abc import Sequence

from sqlalchemy import Connection, func, select

from qwenq.schemas.service.usage import UsageRow
from qwenq.schemas.tables.service import usage

_SUMMED = tuple(name for name in UsageRow.model_fields if name not in {"day", "owner", "model"})


def tokens_since(connection: Connection, tenant: str, day: str, owner: str | None = None) -> int:
    """The tokens of prompts and answers that a tenant, or an owner in it, used from a day on."""
    tokens = func.coalesce(func.sum(usage.c.prompt_tokens + usage.c.completion_tokens), 0)
    query = select(tokens).where(usage.c.tenant == tenant, usage.c.day >= day)
    if owner is not None:
        query = query.where(usage.c.owner == owner)
    return int(connection.execute(query).scalar_one())


def usage_of(connection: Connection, tenant: str, first: str, last: str) -> Sequence[UsageRow]:
    """What a tenant used from one day to another, by day, owner and model."""
    keys = (usage.c.day, usage.c.owner, usage.c.model)
    rows = connection.execute(
        select(*keys, *(func.sum(usage.c[name]).label(name) for name in _SUMMED))
        .where(usage.c.tenant == tenant, usage.c.day.between(first, last))
        .group_by(*keys)
        .order_by(*keys)
    )
    return [UsageRow.model_validate(dict(row._mapping)) for row in rows]  # noqa: SLF001
