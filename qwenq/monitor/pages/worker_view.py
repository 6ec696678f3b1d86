"""A worker as the fleet's page shows it: its condition, and what that means."""

from dataclasses import dataclass

from qwenq.schemas.views.fleet import FleetWorker, WorkerCondition
from qwenq.wording import numbers
from qwenq.wording.workers import how_far

_MEANINGS = {
    WorkerCondition.IDLE: "Its model is loaded; it waits for work.",
    WorkerCondition.STARTING: "Loads its model, or waits for its first chunk to load it.",
    WorkerCondition.STOPPING: "Releases its chunks and ends.",
    WorkerCondition.STOPPED: "Ended when it was asked to.",
    WorkerCondition.FAILED: "Ended without noting a reason; see its log.",
}
_HEALTHY, _DEGRADED, _UNHEALTHY = "healthy", "degraded", "unhealthy"


@dataclass(frozen=True, slots=True)
class WorkerView:
    """One worker for a template."""

    worker: FleetWorker

    @property
    def health(self) -> str:
        """`healthy`, `degraded` or `unhealthy`; a dash if it was stopped."""
        worker = self.worker
        match worker.condition:
            case WorkerCondition.FAILED | WorkerCondition.LOST:
                return _UNHEALTHY
            case WorkerCondition.STOPPED:
                return numbers.UNKNOWN
        return _DEGRADED if self.is_overdue or worker.broker_error else _HEALTHY

    @property
    def is_overdue(self) -> bool:
        """Whether one of its leases has expired."""
        return any(chunk.lease_seconds < 0 for chunk in self.worker.held)

    @property
    def meaning(self) -> str:
        """What its condition means, in a sentence or two."""
        worker = self.worker
        match worker.condition:
            case WorkerCondition.BUSY if self.is_overdue:
                return "Alive, but its lease has expired: it makes no progress, or cannot write to the store."
            case WorkerCondition.BUSY:
                return "Generates answers."
            case WorkerCondition.LOST:
                return self._loss
            case WorkerCondition.FAILED if worker.error:
                return worker.error
            case WorkerCondition.IDLE | WorkerCondition.STARTING if worker.broker_error:
                return f"Receives nothing, because it cannot reach the broker: {worker.broker_error}."
        return self._loading or _MEANINGS[worker.condition]

    @property
    def _loading(self) -> str | None:
        """How far it is with its model, as a sentence."""
        loading = self.worker.loading if self.worker.condition == WorkerCondition.STARTING else None
        said = "" if loading is None else how_far(loading)
        return f"{said[0].upper()}{said[1:]}." if said else None

    @property
    def memory(self) -> str:
        """Memory of its working process."""
        return numbers.size(self.worker.resident_bytes)

    @property
    def gpu_memory(self) -> str:
        """Used and total memory of its GPU."""
        worker = self.worker
        if worker.gpu_bytes is None:
            return numbers.UNKNOWN
        return f"{numbers.size(worker.gpu_bytes)} of {numbers.size(worker.gpu_total_bytes)}"

    @property
    def _loss(self) -> str:
        silence = numbers.duration(self.worker.silent_seconds)
        said = f"No heartbeat for {silence}: its process or machine is gone, or it cannot reach the store."
        if not self.worker.held:
            return said
        return f"{said} Its chunks go to another worker of its model when their lease expires."
