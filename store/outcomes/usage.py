"""Count what tenants used, in the transaction that writes the outcomes or measurements."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from sqlalchemy import BigInteger, Connection, Double, Insert, bindparam, func, select
from sqlalchemy.dialects import postgresql, sqlite

from qwenq.schemas.tables.core import jobs
from qwenq.schemas.tables.service import usage
from qwenq.store.database.clock import today

_COUNTED = (
    "answers", "failures", "reused", "prompt_tokens", "prefix_tokens", "completion_tokens", "reasoning_tokens",
    "device_seconds",
)  # fmt: skip
_NOTHING = dict.fromkeys(_COUNTED, 0)


def add_usage(connection: Connection, job_id: int, worker_id: int, more: Mapping[str, float]) -> None:
    """Add to what the tenant of a job used today. Each worker has rows of its own, so that none waits for another."""
    given = {f"more_{name}": value for name, value in (_NOTHING | dict(more)).items()}
    connection.execute(_adding(connection.dialect.name), {"of_job": job_id, "at_worker": worker_id, **given})


@cache
def _adding(dialect: str) -> Insert:
    keys = [column.name for column in usage.primary_key]
    counted = [
        bindparam(f"more_{name}", type_=Double() if name == "device_seconds" else BigInteger())
        for name in _COUNTED
    ]
    whose = select(
        jobs.c.tenant,
        today(),
        func.coalesce(jobs.c.owner, ""),
        jobs.c.model,
        bindparam("at_worker", type_=BigInteger()),
        *counted,
    ).where(jobs.c.id == bindparam("of_job", type_=BigInteger()))
    inserting: Any = (sqlite if dialect == "sqlite" else postgresql).insert(usage)
    inserting = inserting.from_select([*keys, *_COUNTED], whose)
    adding: Insert = inserting.on_conflict_do_update(
        index_elements=keys, set_={name: usage.c[name] + inserting.excluded[name] for name in _COUNTED}
    )
    return adding
