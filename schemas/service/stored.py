"""Files and batches of the HTTP service, as they are stored. Times are UTC."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from qwenq.schemas.states import BatchState, UploadState

JOB_KEY = "batch:"
"""What the idempotency key of a batch's job begins with; the batch's id follows."""


class Purpose(StrEnum):
    """What a file is for. The last is of files that the service made."""

    BATCH = "batch"
    ASSISTANTS = "assistants"
    FINE_TUNE = "fine-tune"
    VISION = "vision"
    USER_DATA = "user_data"
    EVALS = "evals"
    BATCH_OUTPUT = "batch_output"


@dataclass(frozen=True, slots=True)
class KeptBytes:
    """Bytes that the storage keeps under an id: how many, in how many lines, and their SHA-256."""

    id: str
    size: int
    sha256: bytes
    lines: int = 0


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file of a tenant."""

    number: int
    id: str
    tenant: str
    owner: str
    purpose: Purpose
    name: str
    size: int
    sha256: bytes
    created_at: datetime
    expires_at: datetime | None
    lines: int


@dataclass(frozen=True, slots=True)
class UploadRequest:
    """An upload in parts as a client asks for it. Its file is kept for `file_seconds` (None: for ever)."""

    purpose: Purpose
    name: str
    mime_type: str
    size: int
    file_seconds: int | None


@dataclass(frozen=True, slots=True)
class StoredUpload:
    """An upload in parts of a tenant, `size` bytes in the end. Completed, it is the file `file_id`."""

    number: int
    id: str
    tenant: str
    owner: str
    state: UploadState
    purpose: Purpose
    name: str
    size: int
    file_seconds: int | None
    file_id: str | None
    created_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class StoredPart:
    """A part of an upload; its id is also its name in the storage."""

    id: str
    upload_id: str
    size: int
    created_at: datetime


@dataclass(frozen=True, slots=True)
class BatchRequest:
    """A batch as a client asks for it. `window_seconds` is what `completion_window` says.

    `rows` holds qwenq's own fields as JSON, if its input is rows.
    """

    input_file_id: str
    endpoint: str
    completion_window: str
    window_seconds: float
    metadata: Mapping[str, str] | None
    output_seconds: int | None
    idempotency_key: str | None = None
    rows: str | None = None


@dataclass(frozen=True, slots=True)
class StoredBatch:
    """A batch of a tenant. While its job runs, `total`, `completed` and `failed` are those of the job.

    `rows` holds qwenq's own fields as JSON, if its input is rows; `notes` what was found out of them.
    """

    number: int
    id: str
    tenant: str
    owner: str
    state: BatchState
    input_file_id: str
    endpoint: str
    completion_window: str
    metadata: Mapping[str, str] | None
    model: str | None
    job_id: int | None
    errors: Sequence[Mapping[str, Any]] | None
    output_seconds: int | None
    output_file_id: str | None
    error_file_id: str | None
    total: int
    completed: int
    failed: int
    usage: Mapping[str, int] | None
    expiring: bool
    paused: bool
    created_at: datetime
    expires_at: datetime
    in_progress_at: datetime | None
    finalizing_at: datetime | None
    completed_at: datetime | None
    failed_at: datetime | None
    expired_at: datetime | None
    cancelling_at: datetime | None
    cancelled_at: datetime | None
    reserved: int
    terms: Mapping[str, Any] | None
    sanitized: Mapping[str, Any] | None
    rows: str | None
    notes: Sequence[str] | None


@dataclass(frozen=True, slots=True)
class HeldBatch:
    """A batch that this process validates or finalizes. `token` is the fence."""

    batch: StoredBatch
    token: str


@dataclass(frozen=True, slots=True)
class BatchFault:
    """Why a batch cannot be validated, as OpenAI says it. `line` counts from 1; None: the whole file."""

    code: str
    message: str
    line: int | None = None
    param: str | None = None
