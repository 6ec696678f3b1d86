"""The fleet: every worker with its condition, its chunks and its speed."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from qwenq.schemas.states import WorkerState
from qwenq.schemas.workers import LoadProgress


class WorkerCondition(StrEnum):
    """A worker's condition, from its state, its last sign of life and the chunks that it holds."""

    BUSY = "busy"
    IDLE = "idle"
    STARTING = "starting"
    STOPPING = "stopping"
    STOPPED = "stopped"
    FAILED = "failed"
    LOST = "lost"


LIVE = frozenset({WorkerCondition.BUSY, WorkerCondition.IDLE, WorkerCondition.STARTING})
"""The conditions of workers that answer, or can."""


@dataclass(frozen=True, slots=True)
class HeldChunk:
    """A chunk that a worker holds; `finished` of its documents have an outcome.

    `lease_seconds` are left of its lease, negative after it ran out.
    """

    chunk_id: int
    job_id: int
    attempt: int
    documents: int
    finished: int
    lease_seconds: float


@dataclass(frozen=True, slots=True)
class FleetWorker:
    """A worker as the fleet page shows it. Bytes and seconds; `silent_seconds` since its last sign of life.

    `check_tokens_per_second` is the speed of the self-check after loading; `broker_error` says why it cannot reach the
    broker.
    """

    id: int
    name: str
    host: str
    pid: int
    model: str
    state: WorkerState
    condition: WorkerCondition
    device: str | None
    dtype: str | None
    context: int | None
    parameters: int | None
    revision: str | None
    loads: int
    load_seconds: float | None
    check_tokens_per_second: float | None
    error: str | None
    started_at: datetime
    heartbeat_at: datetime
    silent_seconds: float
    resident_bytes: int | None
    gpu_bytes: int | None
    gpu_total_bytes: int | None
    loading: LoadProgress | None = None
    held: tuple[HeldChunk, ...] = ()
    broker_error: str | None = None


@dataclass(frozen=True, slots=True)
class SpeedPoint:
    """A worker's tokens a second in the step of time that ends `at`, and the padding of its prompts.

    `tokens_per_second` is None before its start. `padding_waste` is cells of padding for each cell of a prompt.
    """

    at: datetime
    tokens_per_second: float | None
    padding_waste: float | None
