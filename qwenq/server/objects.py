"""OpenAI's objects as the service answers with them. `/openapi.json` describes them."""

from collections.abc import Sequence
from typing import Generic, Literal, TypeVar

from pydantic import BaseModel, Field

from qwenq.schemas.service.stored import Purpose
from qwenq.schemas.states import BatchState, UploadState

T = TypeVar("T")


class Page(BaseModel, Generic[T]):
    """A page of a list. `after=` its `last_id` gets the next one."""

    object: Literal["list"] = "list"
    data: Sequence[T]
    first_id: str | None
    last_id: str | None
    has_more: bool


class File(BaseModel):
    """A file. Times are in seconds since 1970."""

    id: str
    object: Literal["file"] = "file"
    bytes: int
    created_at: int
    expires_at: int | None
    filename: str
    purpose: Purpose
    status: Literal["processed"] = "processed"
    status_details: None = None


class Upload(BaseModel):
    """An upload in parts. Times are in seconds since 1970. `file` is what it became."""

    id: str
    object: Literal["upload"] = "upload"
    bytes: int
    created_at: int
    filename: str
    purpose: Purpose
    status: UploadState
    expires_at: int
    file: File | None


class UploadPart(BaseModel):
    """A part of an upload."""

    id: str
    object: Literal["upload.part"] = "upload.part"
    created_at: int
    upload_id: str


class Deleted(BaseModel):
    """A file that was deleted."""

    id: str
    object: Literal["file"] = "file"
    deleted: Literal[True] = True


class DeletedBatch(BaseModel):
    """A batch that was deleted."""

    id: str
    object: Literal["batch"] = "batch"
    deleted: Literal[True] = True


class Fault(BaseModel):
    """Why a batch failed; `line` counts from 1, null: the whole file."""

    code: str
    message: str
    line: int | None
    param: str | None


class Faults(BaseModel):
    """Why a batch failed."""

    object: Literal["list"] = "list"
    data: Sequence[Fault]


class Counts(BaseModel):
    """Lines of a batch."""

    total: int
    completed: int
    failed: int


class InputDetails(BaseModel):
    """Of the tokens of prompts."""

    cached_tokens: int


class OutputDetails(BaseModel):
    """Of the tokens of answers."""

    reasoning_tokens: int


class Usage(BaseModel):
    """Tokens of a batch."""

    input_tokens: int
    input_tokens_details: InputDetails
    output_tokens: int
    output_tokens_details: OutputDetails
    total_tokens: int


class SanitizedDocuments(BaseModel):
    """How many documents had markup taken out that could run in a browser, how often each kind, and the first ids."""

    documents: int
    removed: dict[str, int]
    custom_ids: Sequence[str]


class Batch(BaseModel):
    """A batch. Times are in seconds since 1970; null: not yet, or never.

    Beyond OpenAI's fields: whether it is `paused`, the id under which the content of its output file grows while it
    runs, and what was found out of an input of rows.
    """

    id: str
    object: Literal["batch"] = "batch"
    endpoint: str
    model: str | None
    errors: Faults | None
    input_file_id: str
    completion_window: str
    status: BatchState
    output_file_id: str | None
    error_file_id: str | None
    created_at: int
    in_progress_at: int | None
    expires_at: int | None
    finalizing_at: int | None
    completed_at: int | None
    failed_at: int | None
    expired_at: int | None
    cancelling_at: int | None
    cancelled_at: int | None
    request_counts: Counts
    usage: Usage | None
    metadata: dict[str, str] | None
    paused: bool
    partial_output_file_id: str
    sanitized: SanitizedDocuments | None
    notes: Sequence[str] | None


class Estimate(BaseModel):
    """What a batch would take. With `errors`, it would fail.

    Of its `requests`, `rejected` ones would fail alone, and so would `too_long` ones, which do not fit into the
    context. `output_tokens` is by the answers of the tenant's last job with the model; null: not known, and seconds are
    for answers of `max_output_tokens`. `device_seconds` are those of all devices together, `seconds` with the workers
    of now.
    """

    object: Literal["batch.estimate"] = "batch.estimate"
    input_file_id: str
    endpoint: str
    model: str | None
    errors: Faults | None
    requests: int = 0
    rejected: int = 0
    too_long: int = 0
    input_tokens: int = 0
    input_tokens_exact: bool = False
    max_output_tokens: int = 0
    output_tokens: int | None = None
    tokens_per_second: float | None = None
    device_seconds: float | None = None
    workers: int = 0
    seconds: float | None = None


class Model(BaseModel):
    """A model; `created` is when its first worker started, 0 if none did."""

    id: str
    object: Literal["model"] = "model"
    created: int
    owned_by: Literal["qwenq"] = "qwenq"
    shutdown_date: None = None


class Models(BaseModel):
    """All models."""

    object: Literal["list"] = "list"
    data: Sequence[Model]


class Problem(BaseModel):
    """What is wrong with a request."""

    message: str
    type: str
    param: str | None = Field(description="the parameter at fault")
    code: str | None


class Refusal(BaseModel):
    """The body of every answer that is not 2xx."""

    error: Problem
