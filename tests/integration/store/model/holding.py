"""Half jobs in plain Python: which process holds a job, to store or to remove it."""

from collections.abc import Mapping

from qwenq.schemas.jobs import HalfJob
from qwenq.schemas.states import ChunkState, JobState
from tests.integration.store.model.nouns import Job

ROWS_AT_ONCE = 2
"""So many documents go in one step of a removal."""


def named(jobs: Mapping[int, Job], key: str | None) -> int | None:
    """The job that a key names."""
    return next((job_id for job_id, job in jobs.items() if key is not None and job.key == key), None)


def holds(jobs: Mapping[int, Job], half: HalfJob) -> bool:
    """Whether no other process held the job since."""
    job = jobs.get(half.job_id)
    return job is not None and job.holder == half.token


def can_be_removed(job: Job) -> bool:
    """Whether a job may be removed: it ended and no worker holds a chunk, or its holder is gone."""
    if job.state == JobState.VALIDATING:
        return job.abandoned
    return job.state.ended and all(chunk.state != ChunkState.RUNNING for chunk in job.chunks)


def take_to_remove(job: Job, holder: str | None) -> None:
    """Hold it to remove it."""
    job.state, job.holder, job.key = JobState.VALIDATING, holder, None
    job.abandoned, job.removed = False, True


def remove(jobs: dict[int, Job], half: HalfJob, steps: int) -> bool:
    """Remove some of a held job, last documents first; the rest is abandoned. Returns whether it is gone."""
    for _ in range(steps):
        if not holds(jobs, half) or jobs[half.job_id].state != JobState.VALIDATING:
            return False
        job = jobs[half.job_id]
        job.abandoned, job.removed = False, True
        if not job.documents:
            del jobs[half.job_id]
            return True
        del job.documents[-ROWS_AT_ONCE:]
    if holds(jobs, half) and jobs[half.job_id].state == JobState.VALIDATING:
        jobs[half.job_id].abandoned = True
    return False
