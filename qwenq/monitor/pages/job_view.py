"""A job as the pages show it: its status, and what follows from it."""

from collections.abc import Collection
from dataclasses import dataclass

from qwenq.schemas.jobs import DocumentCounts, JobStatus
from qwenq.schemas.states import JobState
from qwenq.wording.workers import worker_command

_PAUSABLE = {JobState.QUEUED, JobState.RUNNING}


@dataclass(frozen=True, slots=True)
class JobView:
    """One job for a template; `live_models` are those that a live worker has."""

    status: JobStatus
    live_models: Collection[str]

    @property
    def id(self) -> int:
        """Its number."""
        return self.status.id

    @property
    def title(self) -> str:
        """Its name, or its number where it has none."""
        return self.status.name.strip() or f"job {self.status.id}"

    @property
    def counts(self) -> DocumentCounts:
        """Its documents by state."""
        return self.status.documents

    @property
    def done(self) -> int:
        """Documents that were answered, or failed."""
        return self.counts.done

    @property
    def percent(self) -> int:
        """How much of it is done; 100 only when all is."""
        return 100 * self.done // self.counts.total if self.counts.total else 0

    @property
    def seconds_left(self) -> float | None:
        """How long the rest takes at the job's own average speed; None when that is not known."""
        status, counts = self.status, self.counts
        if status.state != JobState.RUNNING or not status.tokens_per_second or not counts.succeeded:
            return None
        at_work = status.usage.completion_tokens / status.tokens_per_second
        return (counts.pending + counts.running) * at_work / counts.succeeded

    @property
    def missing_worker(self) -> str | None:
        """The command that starts a worker where the job waits, and no live one has its model."""
        waits = self.status.state in _PAUSABLE and self.counts.pending + self.counts.running > 0
        model = self.status.model
        return worker_command(model) if waits and model not in self.live_models else None

    @property
    def actions(self) -> tuple[str, ...]:
        """What its state allows: some of `pause`, `resume`, `retry`, `cancel`."""
        state = self.status.state
        allowed = {
            "pause": state in _PAUSABLE,
            "resume": state == JobState.PAUSED,
            "retry": state in {JobState.COMPLETED, JobState.FAILED} and self.counts.failed > 0,
            "cancel": not state.ended,
        }
        return tuple(action for action, given in allowed.items() if given)
