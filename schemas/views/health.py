"""The health of a queue: checks with recommendations, and the facts behind them."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, computed_field


class HealthState(StrEnum):
    """A state of health. `unknown`: the check could not be made; another check gives the reason."""

    HEALTHY = "healthy"
    UNKNOWN = "unknown"
    DEGRADED = "degraded"
    UNHEALTHY = "unhealthy"


_EXIT_CODES = {HealthState.HEALTHY: 0, HealthState.DEGRADED: 1, HealthState.UNHEALTHY: 2}
_BY_WEIGHT = tuple(HealthState)


class Check(BaseModel):
    """One check. `recommendation` says what to do; None when nothing is to be done."""

    model_config = ConfigDict(frozen=True)

    name: str
    state: HealthState
    message: str
    recommendation: str | None = None


class Health(BaseModel):
    """All checks; the worst one decides the overall state."""

    model_config = ConfigDict(frozen=True)

    checks: tuple[Check, ...]

    @computed_field  # type: ignore[prop-decorator]
    @property
    def state(self) -> HealthState:
        """The worst state of a check; an unknown one counts as degraded."""
        worst = max((check.state for check in self.checks), key=_BY_WEIGHT.index, default=HealthState.HEALTHY)
        return HealthState.DEGRADED if worst == HealthState.UNKNOWN else worst

    @property
    def exit_code(self) -> int:
        """0, 1 or 2."""
        return _EXIT_CODES[self.state]


@dataclass(frozen=True, slots=True)
class BrokerFacts:
    """Facts about a broker. `memory_limit` is None without a limit; bytes and seconds."""

    url: str
    seconds: float
    memory: int
    memory_limit: int | None


@dataclass(frozen=True, slots=True)
class WaitingModel:
    """A model's waiting chunks, and the seconds that the oldest has waited.

    `announced_seconds` have passed since the first announcement that had no effect; None: all are unannounced. Workers
    in `for_others`, by id, may answer none of them: other weights began their jobs.
    """

    model: str
    chunks: int
    oldest_seconds: float
    announced_seconds: float | None = None
    for_others: Collection[int] = ()


@dataclass(frozen=True, slots=True)
class StrandedWork:
    """Stranded work: chunks with an expired lease, unannounced chunks, abandoned half jobs.

    `longest_expired` and `longest_unannounced` are in seconds.
    """

    expired: int = 0
    longest_expired: float = 0.0
    unannounced: int = 0
    longest_unannounced: float = 0.0
    half_jobs: Sequence[int] = ()


@dataclass(frozen=True, slots=True)
class ScheduleTrouble:
    """Troubled schedules: how many are overdue, the longest by how many seconds, and those whose last run failed.

    `given_up` counts notices that were not delivered after all attempts.
    """

    overdue: int = 0
    longest_overdue: float = 0.0
    failed: Sequence[str] = ()
    given_up: int = 0


@dataclass(frozen=True, slots=True)
class WorkerSpeed:
    """A worker's tokens a second in its batches: in the last minutes, and in the day before them."""

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
    """A folder that qwenq writes to, and its free bytes."""

    folder: str
    free: int
