"""The body of a request to create a batch, refused as OpenAI refuses it. Unknown fields are ignored."""

import math
from collections.abc import Mapping
from typing import Any

import orjson
from starlette.requests import ClientDisconnect, Request

from qwenq.schemas.service.stored import BatchRequest
from qwenq.server.limits import (
    ENDPOINTS,
    MOST_BODY_BYTES,
    MOST_IDEMPOTENCY_KEY,
    MOST_PAIR_NAME,
    MOST_PAIR_VALUE,
    MOST_PAIRS,
    WINDOWS,
)
from qwenq.server.queries import kept_seconds, one_of
from qwenq.server.refusals import Refused

_KINDS = {
    bool: "a boolean",
    int: "an integer",
    float: "a decimal",
    str: "a string",
    list: "an array",
    dict: "an object",
    type(None): "null",
}
_ID_CHARS = 200


async def json_of(request: Request, most: int = MOST_BODY_BYTES) -> Mapping[str, Any]:
    """The JSON object in a request's body of at most so many bytes. Raises Refused."""
    pieces, size = [], 0
    try:
        async for piece in request.stream():
            pieces.append(piece)
            size += len(piece)
            if size > most:
                raise Refused(413, f"The body is larger than {most:,} bytes.")
    except ClientDisconnect:
        raise Refused(400, "The request was broken off.") from None
    try:
        body = orjson.loads(b"".join(pieces))
    except orjson.JSONDecodeError:
        raise Refused(400, "The body of the request is not valid JSON.") from None
    if not isinstance(body, dict):
        raise Refused(400, f"The body must be a JSON object, but is {kind_of(body)}.", code="invalid_type")
    return body


def batch_request(body: Mapping[str, Any]) -> BatchRequest:
    """What the body asks for. Raises Refused."""
    window = text_in(body, "completion_window", tuple(WINDOWS))
    return BatchRequest(
        input_file_id=text_in(body, "input_file_id")[:_ID_CHARS],
        endpoint=text_in(body, "endpoint", ENDPOINTS),
        completion_window=window,
        window_seconds=WINDOWS[window],
        metadata=_metadata(body.get("metadata")),
        output_seconds=_output_seconds(body.get("output_expires_after")),
        idempotency_key=_idempotency_key(body),
    )


def text_in(body: Mapping[str, Any], name: str, values: tuple[str, ...] | None = None) -> str:
    """A string in a body, one of some values if they are given. Raises Refused."""
    given = body.get(name)
    if given is None:
        raise one_of(name, None, ())
    if not isinstance(given, str):
        raise wrong_type(name, "a string", given)
    if values is not None and given not in values:
        raise one_of(name, given, values)
    if "\0" in given:
        raise Refused(400, f"Invalid '{name}': it holds a null character.", param=name, code="invalid_value")
    return given


def wrong_type(name: str, wanted: str, given: object) -> Refused:
    """The refusal of a value of another type."""
    message = f"Invalid type for '{name}': expected {wanted}, but got {kind_of(given)} instead."
    return Refused(400, message, param=name, code="invalid_type")


def kind_of(value: object) -> str:
    """The JSON name of a value's type, with its article."""
    return "a number" if isinstance(value, float) and math.isnan(value) else _KINDS[type(value)]


def _metadata(given: object) -> Mapping[str, str] | None:
    if given is None:
        return None
    if not isinstance(given, dict):
        raise wrong_type("metadata", "an object", given)
    if len(given) > MOST_PAIRS:
        message = (
            f"Invalid 'metadata': too many properties. Expected at most {MOST_PAIRS}, but got {len(given)}."
        )
        raise Refused(400, message, param="metadata", code="object_above_max_properties")
    for name, value in given.items():
        param = f"metadata.{name[:MOST_PAIR_NAME]}"
        if not isinstance(value, str):
            raise wrong_type(param, "a string", value)
        if len(name) > MOST_PAIR_NAME or len(value) > MOST_PAIR_VALUE:
            message = (
                f"Invalid '{param}': a name may have {MOST_PAIR_NAME} characters, a value {MOST_PAIR_VALUE}."
            )
            raise Refused(400, message, param=param, code="string_above_max_length")
        if "\0" in name + value:
            raise Refused(
                400, f"Invalid '{param}': it holds a null character.", param=param, code="invalid_value"
            )
    return given


def _idempotency_key(body: Mapping[str, Any]) -> str | None:
    if body.get("idempotency_key") is None:
        return None
    key = text_in(body, "idempotency_key")
    if not 1 <= len(key) <= MOST_IDEMPOTENCY_KEY:
        message = f"Invalid 'idempotency_key': it must have 1 to {MOST_IDEMPOTENCY_KEY} characters."
        raise Refused(400, message, param="idempotency_key", code="invalid_value")
    return key


def _output_seconds(given: object) -> int | None:
    if given is None:
        return None
    if not isinstance(given, dict):
        raise wrong_type("output_expires_after", "an object", given)
    return kept_seconds(given.get("anchor"), given.get("seconds"), "output_expires_after")
