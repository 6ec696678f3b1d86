"""What `/openapi.json` says of requests and refusals. Routes read bodies by themselves, to refuse as OpenAI does."""

from typing import Annotated, Any

from fastapi.security import HTTPBearer
from pydantic import WithJsonSchema

from qwenq.server.limits import (
    ENDPOINTS,
    LEAST_KEPT_SECONDS,
    MOST_BATCHES_A_PAGE,
    MOST_FILES_A_PAGE,
    MOST_IDEMPOTENCY_KEY,
    MOST_KEPT_SECONDS,
    MOST_OFFSET,
    MOST_PAIR_NAME,
    MOST_PAIR_VALUE,
    MOST_PAIRS,
    MOST_PARTS,
    MOST_UPLOAD_BYTES,
    UPLOAD_PURPOSES,
    WINDOWS,
)
from qwenq.server.objects import Refusal

_NO_NULL_CHARACTER = "^[^\\u0000]*$"
_Responses = dict[int | str, dict[str, Any]]

BEARER = HTTPBearer(
    auto_error=False,
    scheme_name="key",
    description="A key of `qwenq keys create`. A service without keys answers programs of its machine without one.",
)

_WHY = {
    400: "The request is at fault; `param` names what.",
    401: "No key, or a wrong, revoked or expired one.",
    403: "The key's role does not allow it.",
    404: "It does not exist for this key.",
    408: "There was no answer in time.",
    409: "It is in a state that does not allow it.",
    413: "The body is too large.",
    429: "A bound is reached. Try again after `Retry-After` seconds, unless `x-should-retry` is `false`.",
    503: "A service behind this one is away. Try again after `Retry-After` seconds.",
}


def refusals(*statuses: int) -> _Responses:
    """The refusals that every route knows, and some more."""
    known = {status: _WHY[status] for status in sorted({400, 401, 403, 429, 503, *statuses})}
    described: _Responses = {status: {"model": Refusal, "description": why} for status, why in known.items()}
    return described | {"default": {"model": Refusal, "description": "Anything else that is refused."}}


def _whole(least: int, most: int, default: int) -> WithJsonSchema:
    return WithJsonSchema({"type": "integer", "minimum": least, "maximum": most, "default": default})


FilesLimit = Annotated[str | None, _whole(1, MOST_FILES_A_PAGE, MOST_FILES_A_PAGE)]
Offset = Annotated[str | None, _whole(0, MOST_OFFSET, 0)]
BatchesLimit = Annotated[str | None, _whole(0, MOST_BATCHES_A_PAGE, 20)]
After = Annotated[
    str | None, WithJsonSchema({"type": "string", "description": "the last id of the page before"})
]
Order = Annotated[str, WithJsonSchema({"type": "string", "enum": ["asc", "desc"], "default": "desc"})]

_KEPT = {"type": "integer", "minimum": LEAST_KEPT_SECONDS, "maximum": MOST_KEPT_SECONDS}
_ANCHOR = {"type": "string", "enum": ["created_at"]}
_EXPIRY = {
    "type": ["object", "null"],
    "properties": {"anchor": _ANCHOR, "seconds": _KEPT},
    "required": ["anchor", "seconds"],
}
_METADATA = {
    "type": ["object", "null"],
    "maxProperties": MOST_PAIRS,
    "propertyNames": {"maxLength": MOST_PAIR_NAME, "pattern": _NO_NULL_CHARACTER},
    "additionalProperties": {"type": "string", "maxLength": MOST_PAIR_VALUE, "pattern": _NO_NULL_CHARACTER},
}
_CREATE_BATCH = {
    "type": "object",
    "properties": {
        "input_file_id": {"type": "string", "pattern": _NO_NULL_CHARACTER},
        "endpoint": {"type": "string", "enum": list(ENDPOINTS)},
        "completion_window": {"type": "string", "enum": list(WINDOWS)},
        "metadata": _METADATA,
        "output_expires_after": _EXPIRY,
        "idempotency_key": {
            "type": ["string", "null"],
            "minLength": 1,
            "maxLength": MOST_IDEMPOTENCY_KEY,
            "pattern": _NO_NULL_CHARACTER,
        },
    },
    "required": ["input_file_id", "endpoint", "completion_window"],
}
_UPLOAD = {
    "type": "object",
    "properties": {
        "purpose": {"type": "string", "enum": list(UPLOAD_PURPOSES)},
        "file": {"type": "string", "format": "binary"},
        "expires_after[anchor]": _ANCHOR,
        "expires_after[seconds]": _KEPT,
    },
    "required": ["purpose", "file"],
    "dependentRequired": {
        "expires_after[anchor]": ["expires_after[seconds]"],
        "expires_after[seconds]": ["expires_after[anchor]"],
    },
}


def _body(kind: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"requestBody": {"required": True, "content": {kind: {"schema": schema}}}}


_MESSAGE = {
    "type": "object",
    "properties": {
        "role": {"type": "string", "enum": ["system", "developer", "user", "assistant"]},
        "content": {"type": "string", "description": "or a list of parts of text"},
    },
    "required": ["role", "content"],
}
_OF_USER = {"properties": {"role": {"const": "user"}}}
_ASK = {
    "type": "object",
    "properties": {
        "model": {"type": "string", "minLength": 1, "pattern": _NO_NULL_CHARACTER},
        "messages": {"type": "array", "minItems": 1, "items": _MESSAGE, "contains": _OF_USER},
        "stream": {"type": ["boolean", "null"]},
        "stream_options": {
            "type": ["object", "null"],
            "properties": {"include_usage": {"type": ["boolean", "null"]}},
        },
    },
    "required": ["model", "messages"],
    "if": {"properties": {"stream_options": {"type": "object"}}, "required": ["stream_options"]},
    "then": {"properties": {"stream": {"const": True}}, "required": ["stream"]},
}
METRICS: _Responses = {
    200: {"description": "Series.", "content": {"text/plain": {"schema": {"type": "string"}}}}
}
ASK = _body("application/json", _ASK)
ANSWER: _Responses = {
    200: {
        "description": "A `chat.completion`, or its events.",
        "content": {
            "application/json": {"schema": {"type": "object", "required": ["id", "choices", "usage"]}},
            "text/event-stream": {"schema": {"type": "string"}},
        },
    }
}
_CREATE_UPLOAD = {
    "type": "object",
    "properties": {
        "bytes": {"type": "integer", "minimum": 1, "maximum": MOST_UPLOAD_BYTES},
        "filename": {"type": "string", "pattern": _NO_NULL_CHARACTER},
        "mime_type": {"type": "string", "pattern": _NO_NULL_CHARACTER},
        "purpose": {"type": "string", "enum": list(UPLOAD_PURPOSES)},
        "expires_after": _EXPIRY,
    },
    "required": ["bytes", "filename", "mime_type", "purpose"],
}
_PART = {
    "type": "object",
    "properties": {"data": {"type": "string", "format": "binary"}},
    "required": ["data"],
}
_COMPLETE_UPLOAD = {
    "type": "object",
    "properties": {
        "part_ids": {
            "type": "array",
            "items": {"type": "string"},
            "minItems": 1,
            "maxItems": MOST_PARTS,
            "uniqueItems": True,
        },
        "md5": {"type": ["string", "null"], "pattern": "^([0-9a-fA-F]{32})?$"},
    },
    "required": ["part_ids"],
}
CREATE_UPLOAD = _body("application/json", _CREATE_UPLOAD)
ADD_PART = _body("multipart/form-data", _PART)
COMPLETE_UPLOAD = _body("application/json", _COMPLETE_UPLOAD)
CREATE_BATCH = _body("application/json", _CREATE_BATCH)
UPLOAD_FILE = _body("multipart/form-data", _UPLOAD)
BYTES: _Responses = {
    200: {
        "description": "The bytes.",
        "content": {
            "application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
            "application/x-ndjson": {"schema": {"type": "string"}},
        },
    }
}
