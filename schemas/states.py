"""The states of a job, a document, a chunk, a worker, a schedule and its runs, and which may follow which.

ARCHITECTURE.md draws them; CHECK constraints in the store hold them.
"""

from enum import StrEnum


class JobState(StrEnum):
    """Where a job stands."""

    VALIDATING = "validating"
    QUEUED = "queued"
    RUNNING = "running"
    PAUSED = "paused"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def ended(self) -> bool:
        """Whether nothing can happen to the job any more."""
        return self in ENDED_JOB_STATES


class JobChange(StrEnum):
    """What a person last did to a job; `held`: a worker paused it, which has other weights than its answers."""

    PAUSED = "paused"
    RESUMED = "resumed"
    CANCELLED = "cancelled"
    RETRIED = "retried"
    HELD = "held"


class StoredDocumentState(StrEnum):
    """What the store keeps of a document's state.

    Whether it runs follows from its chunk, whether it succeeded from its answer: see DocumentState.
    """

    PENDING = "pending"
    FAILED = "failed"
    CANCELLED = "cancelled"


class DocumentState(StrEnum):
    """Where a document stands, as people see it."""

    PENDING = "pending"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


class ChunkState(StrEnum):
    """Where a chunk stands."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"


class WorkerState(StrEnum):
    """Where a worker stands; `failed`: it could not load its model, or could not go on."""

    STARTING = "starting"
    READY = "ready"
    STOPPING = "stopping"
    STOPPED = "stopped"
    FAILED = "failed"


class ScheduleState(StrEnum):
    """Whether a schedule's due times make runs."""

    ACTIVE = "active"
    PAUSED = "paused"


class RunState(StrEnum):
    """Where a run of a schedule stands: its job is submitted, then the answers are delivered."""

    DUE = "due"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    SKIPPED = "skipped"


class BatchState(StrEnum):
    """Where a batch of the HTTP service stands: OpenAI's eight statuses."""

    VALIDATING = "validating"
    IN_PROGRESS = "in_progress"
    FINALIZING = "finalizing"
    COMPLETED = "completed"
    FAILED = "failed"
    EXPIRED = "expired"
    CANCELLING = "cancelling"
    CANCELLED = "cancelled"


class UploadState(StrEnum):
    """Where an upload in parts stands: OpenAI's statuses."""

    PENDING = "pending"
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


class NoticeState(StrEnum):
    """Where a notice for a webhook stands; `failed`: it is not tried again."""

    WAITING = "waiting"
    SENT = "sent"
    FAILED = "failed"


ENDED_JOB_STATES = frozenset({JobState.COMPLETED, JobState.FAILED, JobState.CANCELLED})
OPEN_JOB_STATES = frozenset(JobState) - ENDED_JOB_STATES
ENDED_BATCH_STATES = frozenset(
    {BatchState.COMPLETED, BatchState.FAILED, BatchState.EXPIRED, BatchState.CANCELLED}
)
CLAIMABLE_JOB_STATES = frozenset({JobState.QUEUED, JobState.RUNNING})
