"""Workers: registered by their parent process, which also keeps their heartbeat."""

from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from schemas.requests import ModelInfo
from schemas.states import WorkerState
from schemas.tables import workers
from schemas.workers import Worker, WorkerIdentity
from store.clock import now

ALIVE_SECONDS = 30.0  # several times what passes between two heartbeats


def register_worker(connection: Connection, identity: WorkerIdentity) -> int:
    """Note a worker that starts."""
    worker_id: int = connection.execute(
        insert(workers)
        .values(
            name=identity.name,
            host=identity.host,
            pid=identity.pid,
            model=identity.model,
            state=WorkerState.STARTING,
            loads=0,
            started_at=now(),
            heartbeat_at=now(),
        )
        .returning(workers.c.id)
    ).scalar_one()
    return worker_id


def beat_heart(connection: Connection, worker_id: int) -> bool:
    """Note that a worker's parent process is alive. False: the store knows no such worker any more."""
    beaten = connection.execute(update(workers).where(workers.c.id == worker_id).values(heartbeat_at=now()))
    return bool(beaten.rowcount)


def note_model_loaded(connection: Connection, worker_id: int, info: ModelInfo) -> None:
    """Note that a worker's process has its model resident."""
    connection.execute(
        update(workers)
        .where(workers.c.id == worker_id, workers.c.state != WorkerState.STOPPING)
        .values(state=WorkerState.READY)
    )
    connection.execute(
        update(workers)
        .where(workers.c.id == worker_id)
        .values(
            device=info.device,
            dtype=info.dtype,
            context=info.context,
            parameters=info.parameters,
            revision=info.revision,
            load_seconds=info.load_seconds,
            loads=workers.c.loads + 1,
            error=None,
        )
    )


def note_failed(connection: Connection, worker_id: int, reason: str) -> None:
    """Note why a worker cannot load its model, or cannot go on."""
    connection.execute(
        update(workers).where(workers.c.id == worker_id).values(state=WorkerState.FAILED, error=reason)
    )


def note_stopping(connection: Connection, worker_id: int) -> None:
    """Ask a worker's process, which reads this at its next renewal, to put its chunk down."""
    connection.execute(
        update(workers)
        .where(workers.c.id == worker_id, workers.c.state != WorkerState.FAILED)
        .values(state=WorkerState.STOPPING)
    )


def note_stopped(connection: Connection, worker_id: int) -> None:
    """Note that a worker has ended."""
    connection.execute(
        update(workers)
        .where(workers.c.id == worker_id, workers.c.state != WorkerState.FAILED)
        .values(state=WorkerState.STOPPED)
    )


def find_worker(connection: Connection, worker_id: int) -> Worker | None:
    """One worker."""
    row = connection.execute(select(workers).where(workers.c.id == worker_id)).one_or_none()
    return _as_worker(row) if row else None


def worker_of_process(connection: Connection, host: str, pid: int) -> Worker | None:
    """The newest worker whose parent process this is."""
    row = connection.execute(
        select(workers)
        .where(workers.c.host == host, workers.c.pid == pid)
        .order_by(workers.c.id.desc())
        .limit(1)
    ).one_or_none()
    return _as_worker(row) if row else None


def count_alive(connection: Connection, model: str, within_seconds: float) -> int:
    """How many workers of a model gave a sign of life within this time."""
    rows = connection.execute(
        select(workers.c.id).where(
            workers.c.model == model,
            workers.c.state.in_((WorkerState.STARTING, WorkerState.READY)),
            workers.c.heartbeat_at > now(-within_seconds),
        )
    )
    return len(rows.all())


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
