"""A worker: one resident model on one device, as the store knows it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from qwenq.schemas.errors import ModelUnavailable, ServiceAway, WorkerGaveUp
from qwenq.schemas.states import WorkerState


@dataclass(frozen=True, slots=True)
class WorkerIdentity:
    """What identifies a worker; `name` is Celery's node name, `pid` the parent process."""

    name: str
    host: str
    pid: int
    model: str


@dataclass(frozen=True, slots=True)
class MemoryTaken:
    """Memory of a worker's working process, and of its GPU, by all processes. In bytes; None: unknown."""

    resident: int | None = None
    gpu: int | None = None
    gpu_total: int | None = None


NOTHING_TAKEN = MemoryTaken()


class LoadStage(StrEnum):
    """What a worker does with its model before it is ready."""

    DOWNLOADING = "downloading"
    LOADING = "loading"


@dataclass(frozen=True, slots=True)
class LoadProgress:
    """How far a worker is with its model: bytes done, of `total` if that is known, and about the time left."""

    stage: LoadStage
    done: int
    total: int | None = None
    seconds_left: float | None = None


@dataclass(frozen=True, slots=True)
class Worker:
    """A worker and its state. `loads` counts how often its processes loaded the model."""

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
        """Why it failed: its model could not be loaded, or it had to stop later; None if it did not fail."""
        if self.state != WorkerState.FAILED:
            return None
        reason = self.error or ""
        return WorkerGaveUp(reason) if self.loads else ModelUnavailable(self.model, reason)


@dataclass(frozen=True, slots=True)
class LoadedWeights:
    """The revision of a model: the hub's commit, or a digest of its folder; None if unknown.

    The digest is of the files alone that decide answers: a commit that changes a README has another revision and the
    same digest.
    """

    revision: str | None = None
    digest: str | None = None

    def differ_from(self, others: "LoadedWeights") -> bool:
        """Whether it is known that these weights give other answers than `others`."""
        if None in (self.revision, others.revision) or self.revision == others.revision:
            return False
        return self.digest is None or self.digest != others.digest


UNKNOWN_WEIGHTS = LoadedWeights()
