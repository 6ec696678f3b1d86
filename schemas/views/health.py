"""The health of a queue: checks, each with what a person can do, and the facts that they are made of."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, computed_field


class HealthState(StrEnum):
    """How well it is. `unknown` is a check that could not be made, for which another one gives the reason."""

    HEALTHY = "healthy"
    UNKNOWN = "unknown"
    DEGRADED = "degraded"
    UNHEALTHY = "unhealthy"


_EXIT_CODES = {HealthState.HEALTHY: 0, HealthState.DEGRADED: 1, HealthState.UNHEALTHY: 2}
_BY_WEIGHT = tuple(HealthState)


class Check(BaseModel):
    """One thing that was looked at. `recommendation` says what to do, None where nothing is to be done."""

    model_config = ConfigDict(frozen=True)

    name: str
    state: HealthState
    message: str
    recommendation: str | None = None


class Health(BaseModel):
    """All checks; the worst of them is the state of the whole."""

    model_config = ConfigDict(frozen=True)

    checks: tuple[Check, ...]

    @computed_field  # type: ignore[prop-decorator]
    @property
    def state(self) -> HealthState:
        """The worst state of a check; what could not be looked at is at least no good sign."""
        worst = max((check.state for check in self.checks), key=_BY_WEIGHT.index, default=HealthState.HEALTHY)
        return HealthState.DEGRADED if worst == HealthState.UNKNOWN else worst

    @property
    def exit_code(self) -> int:
        """0, 1 or 2."""
        return _EXIT_CODES[self.state]


@dataclass(frozen=True, slots=True)
class BrokerFacts:
    """What a broker says of itself. `memory_limit` is None where it has none; bytes and seconds."""

    url: str
    seconds: float
    memory: int
    memory_limit: int | None


@dataclass(frozen=True, slots=True)
class WaitingModel:
    """Chunks of one model that wait for a worker, and for how many seconds the oldest has waited."""

    model: str
    chunks: int
    oldest_seconds: float


@dataclass(frozen=True, slots=True)
class StrandedWork:
    """Work that nobody is at: chunks with an expired lease, chunks that were not announced, half jobs.

    `longest_expired` and `longest_unannounced` are in seconds.
    """

    expired: int = 0
    longest_expired: float = 0.0
    unannounced: int = 0
    longest_unannounced: float = 0.0
    half_jobs: Sequence[int] = ()


@dataclass(frozen=True, slots=True)
class ScheduleTrouble:
    """What is wrong with schedules: those that are overdue, by how many seconds the longest, and whose last run failed.

    `given_up` are webhooks that were not told, whatever was tried.
    """

    overdue: int = 0
    longest_overdue: float = 0.0
    failed: Sequence[str] = ()
    given_up: int = 0


@dataclass(frozen=True, slots=True)
class WorkerSpeed:
    """A worker's tokens a second in its batches: those of the last minutes, and those of the day before them."""

    worker: str
    recent: Sequence[float]
    before: Sequence[float]


@dataclass(frozen=True, slots=True)
class MemoryFacts:
    """This machine's main memory in bytes, within the limits of its cgroup."""

    free: int
    total: int


@dataclass(frozen=True, slots=True)
class DiskFacts:
    """A folder that qwenq writes to, and what is free there, in bytes."""

    folder: str
    free: int
