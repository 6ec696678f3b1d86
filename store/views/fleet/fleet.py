"""The fleet: workers with their condition and the chunks that they hold."""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass, fields
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, func, or_, select

from qwenq.schemas.states import ChunkState, WorkerState
from qwenq.schemas.tables.core import chunks, workers
from qwenq.schemas.views.fleet import FleetWorker, HeldChunk, WorkerCondition
from qwenq.store.conditions import outcomes_of_chunk
from qwenq.store.database.clock import now, seconds_since
from qwenq.store.views.fleet.workers import ALIVE_SECONDS, load_progress

STOPPED_SHOWN_SECONDS = 3_600.0
SILENT_SHOWN_SECONDS = 86_400.0
"""How long a stopped worker, and a silent one, still belong to the current fleet."""
MOST_WORKERS = 200

_OF_STATE = {
    WorkerState.STARTING: WorkerCondition.STARTING,
    WorkerState.STOPPING: WorkerCondition.STOPPING,
    WorkerState.STOPPED: WorkerCondition.STOPPED,
    WorkerState.FAILED: WorkerCondition.FAILED,
}
_COLUMNS = [workers.c[field.name] for field in fields(FleetWorker) if field.name in workers.c]
_LOADING = (
    workers.c.load_stage,
    workers.c.load_bytes,
    workers.c.load_total_bytes,
    workers.c.load_seconds_left,
)
_LOAD_NAMES = frozenset(column.name for column in _LOADING)
_ENDED = (WorkerState.STOPPED, WorkerState.FAILED)


@dataclass(frozen=True, slots=True)
class Fleet:
    """Current workers, newest first, at most MOST_WORKERS; the newest earlier ones; the number of earlier ones."""

    workers: tuple[FleetWorker, ...]
    earlier: tuple[FleetWorker, ...]
    earlier_count: int


def read_fleet(connection: Connection, most_earlier: int) -> Fleet:
    """Read the fleet, with at most this many earlier workers."""
    earlier_count: int = connection.execute(
        select(func.count()).select_from(workers).where(~_is_current())
    ).scalar_one()
    held = _held_chunks(connection)
    return Fleet(
        _workers(connection, _is_current(), MOST_WORKERS, held),
        _workers(connection, ~_is_current(), most_earlier, held),
        earlier_count,
    )


def condition_of(state: WorkerState, silent_seconds: float, held: Collection[HeldChunk]) -> WorkerCondition:
    """A worker's condition. After too long a silence it is lost, whatever its last state."""
    if state not in _ENDED and silent_seconds > ALIVE_SECONDS:
        return WorkerCondition.LOST
    if state in _OF_STATE:
        return _OF_STATE[state]
    return WorkerCondition.BUSY if held else WorkerCondition.IDLE


def _is_current() -> ColumnElement[bool]:
    heartbeat = workers.c.heartbeat_at
    return or_(
        heartbeat > now(-STOPPED_SHOWN_SECONDS),
        and_(heartbeat > now(-SILENT_SHOWN_SECONDS), workers.c.state != WorkerState.STOPPED),
    )


def _workers(
    connection: Connection, which: ColumnElement[bool], most: int, held: dict[int, list[HeldChunk]]
) -> tuple[FleetWorker, ...]:
    rows = connection.execute(
        select(*_COLUMNS, *_LOADING, seconds_since(workers.c.heartbeat_at).label("silent_seconds"))
        .where(which)
        .order_by(workers.c.id.desc())
        .limit(most)
    )
    return tuple(_as_worker(row, tuple(held.get(row.id, ()))) for row in rows)


def _held_chunks(connection: Connection) -> dict[int, list[HeldChunk]]:
    """Running chunks, by worker. Found by state, since a worker may have had a million chunks."""
    rows = connection.execute(
        select(
            chunks.c.worker_id,
            chunks.c.id,
            chunks.c.job_id,
            chunks.c.attempt,
            chunks.c.documents,
            outcomes_of_chunk().label("finished"),
            seconds_since(chunks.c.lease_expires_at).label("overdue_seconds"),
        )
        .where(chunks.c.state == ChunkState.RUNNING)
        .order_by(chunks.c.id)
    )
    held: defaultdict[int, list[HeldChunk]] = defaultdict(list)
    for row in rows:
        held[row.worker_id].append(
            HeldChunk(row.id, row.job_id, row.attempt, row.documents, row.finished, -row.overdue_seconds)
        )
    return held


def _as_worker(row: Row[*tuple[Any, ...]], held: tuple[HeldChunk, ...]) -> FleetWorker:
    known = {name: value for name, value in row._mapping.items() if name not in _LOAD_NAMES}  # noqa: SLF001
    state = WorkerState(known.pop("state"))
    condition = condition_of(state, row.silent_seconds, held)
    return FleetWorker(state=state, condition=condition, held=held, loading=load_progress(row), **known)
