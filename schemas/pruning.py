"""What a prune removes from the store."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict, computed_field

from qwenq.schemas.states import JobState


class PrunedJob(BaseModel):
    """A job that is removed, with its documents and results; one that is `validating` was never stored to its end."""

    model_config = ConfigDict(frozen=True)

    id: int
    name: str
    state: JobState
    documents: int
    finished_at: datetime | None


class PruneReport(BaseModel):
    """Jobs, workers and records of scheduled runs that were `removed`, or, where it is false, would be."""

    model_config = ConfigDict(frozen=True)

    removed: bool
    jobs: tuple[PrunedJob, ...]
    workers: int
    runs: int

    @computed_field  # type: ignore[prop-decorator]
    @property
    def documents(self) -> int:
        """Documents of all these jobs."""
        return sum(job.documents for job in self.jobs)
