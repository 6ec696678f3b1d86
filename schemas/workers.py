"""A worker: one resident model on one device, as the store knows it."""

from dataclasses import dataclass
from datetime import datetime

from qwenq.schemas.errors import ModelUnavailable, ServiceAway, WorkerGaveUp
from qwenq.schemas.states import WorkerState


@dataclass(frozen=True, slots=True)
class WorkerIdentity:
    """Who a worker is; `name` is Celery's node name, `pid` the parent process."""

    name: str
    host: str
    pid: int
    model: str


@dataclass(frozen=True, slots=True)
class MemoryTaken:
    """What a worker's working process holds, and what is taken on its GPU, by whomever. In bytes; None: not known."""

    resident: int | None = None
    gpu: int | None = None
    gpu_total: int | None = None


NOTHING_TAKEN = MemoryTaken()


@dataclass(frozen=True, slots=True)
class Worker:
    """A worker and how it fares. `loads` counts how often its processes loaded the model."""

    id: int
    name: str
    host: str
    pid: int
    model: str
    state: WorkerState
    loads: int
    error: str | None
    started_at: datetime
    heartbeat_at: datetime

    @property
    def failure(self) -> ServiceAway | None:
        """What made it fail: its model could not be loaded, or later it could not go on."""
        if self.state != WorkerState.FAILED:
            return None
        reason = self.error or ""
        return WorkerGaveUp(reason) if self.loads else ModelUnavailable(self.model, reason)
