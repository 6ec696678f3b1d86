"""OpenAI's objects, made of what the store knows."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TypeVar

from fastapi import Response
from pydantic import BaseModel

from qwenq.schemas.service.stored import StoredBatch, StoredFile, StoredPart, StoredUpload
from qwenq.server.objects import (
    Batch,
    Counts,
    Fault,
    Faults,
    File,
    InputDetails,
    Model,
    OutputDetails,
    Page,
    SanitizedDocuments,
    Upload,
    UploadPart,
    Usage,
)

T = TypeVar("T", File, Batch)
_BATCH, _FILE = "batch_", "file-"


def file_object(file: StoredFile) -> File:
    """A `file`. It is processed at once: clients wait for that."""
    return File(
        id=file.id,
        bytes=file.size,
        created_at=int(file.created_at.timestamp()),
        expires_at=_seconds(file.expires_at),
        filename=file.name,
        purpose=file.purpose,
    )


def upload_object(upload: StoredUpload, file: StoredFile | None) -> Upload:
    """An `upload`, with the file that it became."""
    return Upload(
        id=upload.id,
        bytes=upload.size,
        created_at=int(upload.created_at.timestamp()),
        filename=upload.name,
        purpose=upload.purpose,
        status=upload.state,
        expires_at=int(upload.expires_at.timestamp()),
        file=None if file is None else file_object(file),
    )


def part_object(part: StoredPart) -> UploadPart:
    """An `upload.part`."""
    return UploadPart(id=part.id, created_at=int(part.created_at.timestamp()), upload_id=part.upload_id)


def batch_object(batch: StoredBatch) -> Batch:
    """A `batch`. Its counts are never null: clients read them at once."""
    return Batch(
        id=batch.id,
        endpoint=batch.endpoint,
        model=batch.model,
        errors=None if batch.errors is None else Faults(data=[Fault(**fault) for fault in batch.errors]),
        input_file_id=batch.input_file_id,
        completion_window=batch.completion_window,
        status=batch.state,
        output_file_id=batch.output_file_id,
        error_file_id=batch.error_file_id,
        created_at=int(batch.created_at.timestamp()),
        in_progress_at=_seconds(batch.in_progress_at),
        expires_at=_seconds(batch.expires_at),
        finalizing_at=_seconds(batch.finalizing_at),
        completed_at=_seconds(batch.completed_at),
        failed_at=_seconds(batch.failed_at),
        expired_at=_seconds(batch.expired_at),
        cancelling_at=_seconds(batch.cancelling_at),
        cancelled_at=_seconds(batch.cancelled_at),
        request_counts=Counts(total=batch.total, completed=batch.completed, failed=batch.failed),
        usage=None if batch.usage is None else _usage(batch.usage),
        metadata=None if batch.metadata is None else dict(batch.metadata),
        paused=batch.paused,
        partial_output_file_id=partial_output_id(batch.id),
        sanitized=None if batch.sanitized is None else SanitizedDocuments(**batch.sanitized),
        notes=batch.notes,
    )


def partial_output_id(batch_id: str) -> str:
    """The id of the file that grows while a batch runs; afterwards it stands for its output file."""
    return _FILE + batch_id.removeprefix(_BATCH)


def batch_of_partial(file_id: str) -> str:
    """The batch whose growing file would have this id."""
    return _BATCH + file_id.removeprefix(_FILE)


def model_object(name: str, since: datetime | None) -> Model:
    """A `model`."""
    return Model(id=name, created=_seconds(since) or 0)


def page_of(data: Sequence[T], *, has_more: bool) -> Page[T]:
    """A page of a list."""
    return Page(
        data=data,
        first_id=data[0].id if data else None,
        last_id=data[-1].id if data else None,
        has_more=has_more,
    )


def _usage(usage: Mapping[str, int]) -> Usage:
    sent, made = usage["prompt_tokens"], usage["completion_tokens"]
    return Usage(
        input_tokens=sent,
        input_tokens_details=InputDetails(cached_tokens=usage["prefix_tokens"]),
        output_tokens=made,
        output_tokens_details=OutputDetails(reasoning_tokens=usage["reasoning_tokens"]),
        total_tokens=sent + made,
    )


def _seconds(moment: datetime | None) -> int | None:
    return None if moment is None else int(moment.timestamp())


def answer_of(shown: BaseModel) -> Response:
    """The response of an object that clients poll for: FastAPI would check it again, in another thread."""
    return Response(shown.model_dump_json(), media_type="application/json")
