"""The outer form of the broker's messages: a JSON object with headers, properties and a body in base64."""

import base64
import json
import re
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from qwenq.store.broker.refusals import Refusal

UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Envelope:
    """The parts of a message: its headers, and its decoded body, which may be any JSON value."""

    headers: dict[str, Any]
    body: Any


def open_envelope(raw: bytes, most_bytes: int) -> Envelope:
    """Decode a message. Raises Refusal."""
    if len(raw) > most_bytes:
        raise Refusal(f"it has {len(raw)} bytes; {most_bytes} are allowed")
    message = _parsed(raw, "it is not JSON")
    if not isinstance(message, dict):
        raise Refusal("it is not a JSON object")
    headers = message.get("headers")
    if not isinstance(headers, dict):
        raise Refusal("its headers are not an object")
    if message.get("content-type") != _JSON:
        raise Refusal("its content type is not JSON")
    body = message.get("body")
    if not isinstance(body, str):
        raise Refusal("its body is not text")
    properties = message.get("properties")
    if not isinstance(properties, dict) or properties.get("body_encoding") != "base64":
        raise Refusal("its properties do not name base64")
    try:
        decoded = base64.b64decode(body, validate=True)
    except ValueError:
        raise Refusal("its body is not base64") from None
    return Envelope(headers, _parsed(decoded, "its body is not JSON"))


def make_message(headers: dict[str, Any], body: Any, queue: str, priority: int = 0) -> dict[str, Any]:
    """Make a message as kombu's channel expects it, of checked parts only. Its delivery tag is new."""
    return {
        "body": base64.b64encode(json.dumps(body).encode()).decode(),
        "content-encoding": "utf-8",
        "content-type": _JSON,
        "headers": headers,
        "properties": {
            "body_encoding": "base64",
            "correlation_id": headers.get("id"),
            "delivery_mode": 2,
            "delivery_info": {"exchange": "", "routing_key": queue},
            "delivery_tag": str(uuid4()),
            "priority": priority,
        },
    }


def as_uuid(value: object) -> str:
    """An id as Celery makes them. Raises Refusal."""
    if not isinstance(value, str) or not UUID.fullmatch(value):
        raise Refusal("an id is not a UUID")
    return value


def _parsed(text: bytes, reason: str) -> Any:
    try:
        return json.loads(text.decode())
    except (ValueError, RecursionError):
        raise Refusal(reason) from None
