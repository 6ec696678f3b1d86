"""Single workers, and how many are alive."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import (
    Connection,
    Row,
    func,
    select,
)

from qwenq.schemas.states import WorkerState
from qwenq.schemas.tables.core import workers
from qwenq.schemas.workers import LoadProgress, LoadStage, Worker
from qwenq.store.conditions import is_alive

ALIVE_SECONDS = 30.0  # several heartbeats


def device_of(connection: Connection, worker_id: int) -> str | None:
    """The device of a worker's model; None before it is loaded."""
    device: str | None = connection.execute(
        select(workers.c.device).where(workers.c.id == worker_id)
    ).scalar_one_or_none()
    return device


def find_worker(connection: Connection, worker_id: int) -> Worker | None:
    """One worker; None when the store does not know it."""
    row = connection.execute(select(workers).where(workers.c.id == worker_id)).one_or_none()
    return _as_worker(row) if row else None


def worker_of_process(connection: Connection, host: str, pid: int) -> Worker | None:
    """The newest worker with this parent process."""
    row = connection.execute(
        select(workers)
        .where(workers.c.host == host, workers.c.pid == pid)
        .order_by(workers.c.id.desc())
        .limit(1)
    ).one_or_none()
    return _as_worker(row) if row else None


def loading_of(connection: Connection, models: Collection[str]) -> dict[str, LoadProgress]:
    """How far live workers are with these models that they download or load; of several, the newest worker."""
    if not models:
        return {}
    rows = connection.execute(
        select(workers)
        .where(workers.c.model.in_(models), workers.c.load_stage.is_not(None), is_alive(ALIVE_SECONDS))
        .order_by(workers.c.id)
    )
    found = ((row.model, load_progress(row)) for row in rows)
    return {model: progress for model, progress in found if progress is not None}


def failures_of(connection: Connection, models: Collection[str]) -> dict[str, str]:
    """Why the newest worker of each of these models failed; without the models that a live worker has."""
    if not models:
        return {}
    newest = select(func.max(workers.c.id)).where(workers.c.model.in_(models)).group_by(workers.c.model)
    served = select(workers.c.model).where(workers.c.model.in_(models), is_alive(ALIVE_SECONDS))
    rows = connection.execute(
        select(workers.c.model, workers.c.error).where(
            workers.c.id.in_(newest),
            workers.c.state == WorkerState.FAILED,
            workers.c.error.is_not(None),
            workers.c.model.not_in(served),
        )
    )
    return {row.model: row.error for row in rows}


def load_progress(row: Row[Any]) -> LoadProgress | None:
    """How far a worker is with its model; None when it is not about it."""
    if row.load_stage is None:
        return None
    stage = LoadStage(row.load_stage)
    return LoadProgress(stage, row.load_bytes, row.load_total_bytes, row.load_seconds_left)


def count_alive(connection: Connection, model: str, within_seconds: float) -> int:
    """Count a model's workers that gave a sign of life within this time."""
    rows = connection.execute(select(workers.c.id).where(workers.c.model == model, is_alive(within_seconds)))
    return len(rows.all())


def count_alive_by_model(connection: Connection, within_seconds: float) -> dict[str, int]:
    """Count the workers that gave a sign of life within this time, by model."""
    rows = connection.execute(
        select(workers.c.model, func.count().label("counted"))
        .where(is_alive(within_seconds))
        .group_by(workers.c.model)
    )
    return {row.model: row.counted for row in rows}


def models_alive(connection: Connection, within_seconds: float) -> set[str]:
    """The models whose workers gave a sign of life within this time."""
    rows = connection.execute(select(workers.c.model).where(is_alive(within_seconds)).distinct())
    return set(rows.scalars())


def _as_worker(row: Row[Any]) -> Worker:
    return Worker(
        id=row.id,
        name=row.name,
        host=row.host,
        pid=row.pid,
        model=row.model,
        state=WorkerState(row.state),
        loads=row.loads,
        error=row.error,
        started_at=row.started_at,
        heartbeat_at=row.heartbeat_at,
    )
