"""Change a job: cancel, pause, resume, retry."""

from collections.abc import Sequence

from qwenq.schemas.jobs import JobStatus
from qwenq.schemas.settings import Settings, load_settings


def cancel(job_id: int, *, settings: Settings | None = None) -> JobStatus:
    """Cancel a job; workers drop its running documents in seconds. Raises UnknownJob, JobNotCancellable, StoreAway."""
    from qwenq.actions import changing

    return changing.cancel(job_id, settings or load_settings())


def pause(job_id: int, *, settings: Settings | None = None) -> JobStatus:
    """Begin no more documents of a job; running ones are finished. Raises UnknownJob, JobNotPausable, StoreAway."""
    from qwenq.actions import changing

    return changing.pause(job_id, settings or load_settings())


def resume(job_id: int, *, settings: Settings | None = None) -> JobStatus:
    """Let a paused job go on.

    A broker that is away is no error: the job is announced when it is back.
    Raises UnknownJob, JobNotPaused, StoreAway.
    """
    from qwenq.actions import changing

    return changing.resume(job_id, settings or load_settings()).status


def retry(
    job_id: int,
    *,
    codes: Sequence[str] = (),
    max_new_tokens: int | None = None,
    settings: Settings | None = None,
) -> JobStatus:
    """Run the failed documents of an ended job again: all, or those with these error codes. Bad rows stay failed.

    With `max_new_tokens`, the job has this limit from now on; a limit in a row stays.
    A broker that is away is no error: the job is announced when it is back.
    Raises UnknownJob, JobNotRetryable, NothingToRetry, StoreAway.
    """
    from qwenq.actions import changing

    return changing.retry(job_id, codes, settings or load_settings(), max_new_tokens).status
