"""The speed of workers in the last hour, and their padding."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

from sqlalchemy import Connection, bindparam, func, select

from qwenq.schemas.tables.core import batches, workers
from qwenq.schemas.views.fleet import SpeedPoint
from qwenq.store.database.clock import now
from qwenq.store.database.steps import step_of

STEP_SECONDS = 60.0
STEPS = 60

_STEPS = (
    select(
        batches.c.worker_id,
        step_of(batches.c.finished_at).label("step"),
        func.sum(batches.c.new_tokens).label("tokens"),
        func.sum(batches.c.prompt_tokens).label("prompt_tokens"),
        func.sum(batches.c.padded_tokens).label("padded_tokens"),
    )
    .where(
        batches.c.worker_id.in_(bindparam("of_workers", expanding=True)),
        batches.c.finished_at >= bindparam("began"),
        batches.c.finished_at < bindparam("until"),
    )
    .group_by(batches.c.worker_id, "step")
)


def speeds_by_minute(connection: Connection, worker_ids: Collection[int]) -> Mapping[int, list[SpeedPoint]]:
    """The last hour of these workers, minute by minute; only workers that generated in it."""
    if not worker_ids:
        return {}
    began = _began(connection.execute(select(now())).scalar_one())
    given = {
        "of_workers": list(worker_ids),
        "began": began,
        "until": _end_of(began, STEPS - 1),
        "step_seconds": STEP_SECONDS,
    }
    measured: defaultdict[int, dict[int, SpeedPoint]] = defaultdict(dict)
    for row in connection.execute(_STEPS, given):
        measured[row.worker_id][row.step] = SpeedPoint(
            _end_of(began, row.step),
            int(row.tokens) / STEP_SECONDS,
            int(row.padded_tokens) / int(row.prompt_tokens) - 1 if row.prompt_tokens else None,
        )
    started = connection.execute(select(workers.c.id, workers.c.started_at).where(workers.c.id.in_(measured)))
    return {
        worker_id: [
            measured[worker_id].get(step) or _unmeasured(began, step, started_at) for step in range(STEPS)
        ]
        for worker_id, started_at in started
    }


def _unmeasured(began: datetime, step: int, started_at: datetime) -> SpeedPoint:
    """A step without a report: nothing was generated, or the worker had not started."""
    end = _end_of(began, step)
    return SpeedPoint(end, None if end <= started_at else 0.0, None)


def _began(asked_at: datetime) -> datetime:
    """The start of the first step. Steps are whole minutes, all of them over, so they keep their places."""
    whole = asked_at.timestamp() // STEP_SECONDS * STEP_SECONDS
    return datetime.fromtimestamp(whole, asked_at.tzinfo) - timedelta(seconds=STEPS * STEP_SECONDS)


def _end_of(began: datetime, step: int) -> datetime:
    return began + timedelta(seconds=(step + 1) * STEP_SECONDS)
