"""OpenAI's objects."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from qwenq.schemas.service.stored import StoredBatch, StoredFile

_TIMES = (
    "in_progress_at",
    "expires_at",
    "finalizing_at",
    "completed_at",
    "failed_at",
    "expired_at",
    "cancelling_at",
    "cancelled_at",
)


def file_object(file: StoredFile) -> dict[str, Any]:
    """A `file`. It is processed at once: clients wait for that."""
    return {
        "id": file.id,
        "object": "file",
        "bytes": file.size,
        "created_at": _seconds(file.created_at),
        "expires_at": _seconds(file.expires_at),
        "filename": file.name,
        "purpose": file.purpose,
        "status": "processed",
        "status_details": None,
    }


def batch_object(batch: StoredBatch) -> dict[str, Any]:
    """A `batch`. Its counts are never null: clients read them at once."""
    counts = {"total": batch.total, "completed": batch.completed, "failed": batch.failed}
    errors = None if batch.errors is None else {"object": "list", "data": list(batch.errors)}
    return {
        "id": batch.id,
        "object": "batch",
        "endpoint": batch.endpoint,
        "model": batch.model,
        "errors": errors,
        "input_file_id": batch.input_file_id,
        "completion_window": batch.completion_window,
        "status": batch.state,
        "output_file_id": batch.output_file_id,
        "error_file_id": batch.error_file_id,
        "created_at": _seconds(batch.created_at),
        **{name: _seconds(getattr(batch, name)) for name in _TIMES},
        "request_counts": counts,
        "usage": None if batch.usage is None else _usage(batch.usage),
        "metadata": batch.metadata,
    }


def model_object(name: str, since: datetime | None) -> dict[str, Any]:
    """A `model`."""
    return {"id": name, "object": "model", "created": _seconds(since) or 0, "owned_by": "qwenq"}


def list_object(data: Sequence[Mapping[str, Any]], *, has_more: bool) -> dict[str, Any]:
    """A page of a list."""
    return {
        "object": "list",
        "data": data,
        "first_id": data[0]["id"] if data else None,
        "last_id": data[-1]["id"] if data else None,
        "has_more": has_more,
    }


def _usage(usage: Mapping[str, int]) -> dict[str, Any]:
    sent, made = usage["prompt_tokens"], usage["completion_tokens"]
    return {
        "input_tokens": sent,
        "input_tokens_details": {"cached_tokens": usage["prefix_tokens"]},
        "output_tokens": made,
        "output_tokens_details": {"reasoning_tokens": usage["reasoning_tokens"]},
        "total_tokens": sent + made,
    }


def _seconds(moment: datetime | None) -> int | None:
    return None if moment is None else int(moment.timestamp())
