"""What a prune removes from the store."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict, computed_field

from qwenq.schemas.states import JobState


class PrunedJob(BaseModel):
    """A job to remove, with its documents and results. If it is `validating`, it was never stored completely."""

    model_config = ConfigDict(frozen=True)

    id: int
    name: str
    state: JobState
    documents: int
    finished_at: datetime | None


class PruneReport(BaseModel):
    """The jobs, workers and run records that a prune `removed`, or, if that is False, would remove.

    `one_shots` are the ids of what interrupted `qwenq run`s left.
    """

    model_config = ConfigDict(frozen=True)

    removed: bool
    jobs: tuple[PrunedJob, ...]
    workers: int
    runs: int
    one_shots: tuple[str, ...] = ()

    @computed_field  # type: ignore[prop-decorator]
    @property
    def documents(self) -> int:
        """Documents of all these jobs."""
        return sum(job.documents for job in self.jobs)
