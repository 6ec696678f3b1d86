"""A worker as the fleet page shows it: how it fares, and what that means."""

from dataclasses import dataclass

from qwenq.schemas.views.fleet import FleetWorker, WorkerCondition
from qwenq.wording import numbers

_MEANINGS = {
    WorkerCondition.IDLE: "Has its model, and waits for work.",
    WorkerCondition.STARTING: "Loads its model, or waits for the first chunk to load it for.",
    WorkerCondition.STOPPING: "Puts its work down and ends.",
    WorkerCondition.STOPPED: "Ended as it was asked to.",
    WorkerCondition.FAILED: "Ended without a reason given; its log has more.",
}
_HEALTHY, _DEGRADED, _UNHEALTHY = "healthy", "degraded", "unhealthy"


@dataclass(frozen=True, slots=True)
class WorkerView:
    """One worker for a template."""

    worker: FleetWorker

    @property
    def health(self) -> str:
        """`healthy`, `degraded` or `unhealthy`; a dash for one that has ended."""
        worker = self.worker
        match worker.condition:
            case WorkerCondition.FAILED | WorkerCondition.LOST:
                return _UNHEALTHY
            case WorkerCondition.STOPPED:
                return numbers.UNKNOWN
        return _DEGRADED if self.is_overdue else _HEALTHY

    @property
    def is_overdue(self) -> bool:
        """Whether a lease of it has run out."""
        return any(chunk.lease_seconds < 0 for chunk in self.worker.held)

    @property
    def meaning(self) -> str:
        """What its condition means, in a sentence or two."""
        worker = self.worker
        match worker.condition:
            case WorkerCondition.BUSY if self.is_overdue:
                return "Lives, but its lease has run out: it makes no progress, or cannot write to the store."
            case WorkerCondition.BUSY:
                return "Answers documents."
            case WorkerCondition.LOST:
                return self._loss
            case WorkerCondition.FAILED if worker.error:
                return worker.error
        return _MEANINGS[worker.condition]

    @property
    def memory(self) -> str:
        """What its working process holds."""
        return numbers.size(self.worker.resident_bytes)

    @property
    def gpu_memory(self) -> str:
        """What is taken of its GPU, and what that has."""
        worker = self.worker
        if worker.gpu_bytes is None:
            return numbers.UNKNOWN
        return f"{numbers.size(worker.gpu_bytes)} of {numbers.size(worker.gpu_total_bytes)}"

    @property
    def _loss(self) -> str:
        silence = numbers.duration(self.worker.silent_seconds)
        said = f"No sign of life for {silence}: its process or its machine is gone, or it cannot reach the store."
        if not self.worker.held:
            return said
        return f"{said} Another worker of its model answers what it held, once its lease has run out."
