"""Workers: registered by their parent process, which also sends their heartbeat."""

from sqlalchemy import Connection, delete, exists, insert, update

from qwenq.schemas.log.events import Event
from qwenq.schemas.requests import ModelInfo
from qwenq.schemas.states import WorkerState
from qwenq.schemas.tables.core import chunks, workers
from qwenq.schemas.workers import NOTHING_TAKEN, LoadProgress, MemoryTaken, WorkerIdentity
from qwenq.store.conditions import was_silent_for
from qwenq.store.database.clock import now
from qwenq.store.database.transitions import note_transition


def register_worker(connection: Connection, identity: WorkerIdentity) -> int:
    """Register a starting worker. Returns its id."""
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
    note_transition(
        connection, Event.WORKER_STARTING,
        worker=worker_id, node=identity.name, host=identity.host, model=identity.model,
    )  # fmt: skip
    return worker_id


def beat_heart(
    connection: Connection,
    worker_id: int,
    held: MemoryTaken = NOTHING_TAKEN,
    broker_error: str | None = None,
) -> bool:
    """Note that a worker's parent process is alive, and the memory in use by its working process and on its GPU.

    `broker_error` says why it cannot reach the broker, if so. False: the worker was removed from the store.
    """
    beaten = connection.execute(
        update(workers)
        .where(workers.c.id == worker_id)
        .values(
            heartbeat_at=now(),
            resident_bytes=held.resident,
            gpu_bytes=held.gpu,
            gpu_total_bytes=held.gpu_total,
            broker_error=broker_error,
        )
    )
    return bool(beaten.rowcount)


def note_loading(connection: Connection, worker_id: int, progress: LoadProgress) -> None:
    """Note how far a worker is with its model."""
    connection.execute(
        update(workers)
        .where(workers.c.id == worker_id)
        .values(
            load_stage=progress.stage,
            load_bytes=progress.done,
            load_total_bytes=progress.total,
            load_seconds_left=progress.seconds_left,
        )
    )


def note_model_loaded(
    connection: Connection, worker_id: int, info: ModelInfo, tokens_per_second: float | None = None
) -> None:
    """Note that a worker's model is resident, and the speed of its self-check."""
    ready = connection.execute(
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
            revision=info.weights.revision,
            weights_digest=info.weights.digest,
            load_seconds=info.load_seconds,
            check_tokens_per_second=tokens_per_second,
            loads=workers.c.loads + 1,
            load_stage=None,
            error=None,
        )
    )
    if ready.rowcount:
        note_transition(
            connection, Event.WORKER_READY,
            worker=worker_id, model=info.model, device=info.device, dtype=info.dtype,
            load_seconds=info.load_seconds, check_tokens_per_second=tokens_per_second,
        )  # fmt: skip


def note_failed(connection: Connection, worker_id: int, reason: str) -> None:
    """Note why a worker cannot load its model, or cannot go on."""
    connection.execute(
        update(workers)
        .where(workers.c.id == worker_id)
        .values(state=WorkerState.FAILED, load_stage=None, error=reason)
    )
    note_transition(connection, Event.WORKER_FAILED, worker=worker_id, reason=reason)


def note_unfit(connection: Connection, worker_id: int, reason: str) -> None:
    """Note why a worker cannot answer with its resident model."""
    connection.execute(update(workers).where(workers.c.id == worker_id).values(loads=workers.c.loads + 1))
    note_failed(connection, worker_id, reason)


def note_stopping(connection: Connection, worker_id: int) -> None:
    """Ask a working process to release its chunks; it reads this with its next renewal."""
    _note_end(connection, worker_id, WorkerState.STOPPING, Event.WORKER_STOPPING)


def note_stopped(connection: Connection, worker_id: int) -> None:
    """Note that a worker has ended."""
    _note_end(connection, worker_id, WorkerState.STOPPED, Event.WORKER_STOPPED)


def _note_end(connection: Connection, worker_id: int, state: WorkerState, event: Event) -> None:
    ended = connection.execute(
        update(workers)
        .where(workers.c.id == worker_id, workers.c.state != WorkerState.FAILED)
        .values(state=state)
    )
    if ended.rowcount:
        note_transition(connection, event, worker=worker_id)


def remove_workers(connection: Connection, seen: float) -> int:
    """Remove workers that were silent for this many seconds and that no chunk names. Returns how many."""
    named = exists().where(chunks.c.worker_id == workers.c.id)
    return connection.execute(delete(workers).where(was_silent_for(seen), ~named)).rowcount
