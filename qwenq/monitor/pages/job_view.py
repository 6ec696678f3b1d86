"""A job as the pages show it: its status, and what the pages derive from it."""

from collections.abc import Collection
from dataclasses import dataclass

from qwenq.schemas.jobs import DocumentCounts, JobStatus
from qwenq.schemas.states import JobState
from qwenq.wording.jobs import last_change
from qwenq.wording.outcomes import answers_to_look_at
from qwenq.wording.workers import worker_command

_PAUSABLE = {JobState.QUEUED, JobState.RUNNING}


@dataclass(frozen=True, slots=True)
class JobView:
    """One job for a template. `live_models` are the models of live workers. Its name may be hidden.

    `standstill` says why it has not moved for minutes, if so.
    `may_retry` says whether a document that failed can run again.
    """

    status: JobStatus
    live_models: Collection[str]
    with_name: bool = True
    standstill: str | None = None
    may_retry: bool = True

    @property
    def id(self) -> int:
        """Its id."""
        return self.status.id

    @property
    def title(self) -> str:
        """Its name, or its id if it has no name that is shown."""
        return (self.with_name and self.status.name.strip()) or f"job {self.status.id}"

    @property
    def counts(self) -> DocumentCounts:
        """Its documents by state."""
        return self.status.documents

    @property
    def done(self) -> int:
        """Documents with an outcome."""
        return self.counts.done

    @property
    def tokens_per_second(self) -> float | None:
        """Its average speed; None while it stands still."""
        return None if self.status.stands_still else self.status.tokens_per_second

    @property
    def still_for(self) -> float | None:
        """For how many seconds it has not moved; None unless it stands still."""
        return self.status.still_seconds if self.status.stands_still else None

    @property
    def missing_worker(self) -> str | None:
        """The command that starts a worker, if the job waits and no live worker has its model."""
        waits = self.status.state in _PAUSABLE and self.counts.pending + self.counts.running > 0
        model = self.status.model
        return worker_command(model) if waits and model not in self.live_models else None

    @property
    def last_change(self) -> str | None:
        """What a person last did to it, who and when."""
        change = self.status.last_change
        return last_change(change) if change else None

    @property
    def to_look_at(self) -> list[str]:
        """Sentences on its answers that were cut, and on empty ones."""
        return list(answers_to_look_at(self.counts))

    @property
    def actions(self) -> tuple[str, ...]:
        """What its state allows: some of `pause`, `resume`, `retry`, `cancel`."""
        state = self.status.state
        allowed = {
            "pause": state in _PAUSABLE,
            "resume": state == JobState.PAUSED,
            "retry": state in {JobState.COMPLETED, JobState.FAILED}
            and self.counts.failed > 0
            and self.may_retry,
            "cancel": not state.ended,
        }
        return tuple(action for action, given in allowed.items() if given)
