"""The messages of our tasks: what a worker takes from its queue, and nothing else.

Celery would obey more: time limits, ETAs, callbacks, chains, other tasks. Only the fields that we send are kept.
"""

from datetime import datetime
from typing import Any

from qwenq.store.broker.envelopes import as_uuid, make_message, open_envelope
from qwenq.store.broker.refusals import Refusal

ANSWER_CHUNK = "qwenq.answer_chunk"
RECONCILE = "qwenq.reconcile"
TICK = "qwenq.tick"
CARE = "qwenq.care"
OPS_QUEUE = "qwenq.ops"
MOST_BYTES = 16_384
"""Ours have about a thousand."""
LARGEST_ID = 2**63 - 1

_OF_OPS = {RECONCILE, TICK, CARE}
_LONGEST_TIME = 40


def check_task_message(raw: bytes, queue: str, priority: int) -> dict[str, Any]:
    """Rebuild a message from the fields that we send. Raises Refusal."""
    envelope = open_envelope(raw, MOST_BYTES)
    task = envelope.headers.get("task")
    arguments = _arguments(envelope.body)
    if queue == OPS_QUEUE:
        if not isinstance(task, str) or task not in _OF_OPS:
            raise Refusal("its task is not one of this queue")
        if arguments:
            raise Refusal("its task has no arguments")
        shown = "()"
    else:
        if task != ANSWER_CHUNK:
            raise Refusal("its task is not one of this queue")
        shown = f"(chunk {_chunk_id(arguments)})"
    task_id = as_uuid(envelope.headers.get("id"))
    headers = {
        "lang": "py",
        "task": task,
        "id": task_id,
        "root_id": task_id,
        "parent_id": None,
        "retries": 0,
        "timelimit": [None, None],
        "eta": None,
        "expires": _expires(envelope.headers.get("expires")) if queue == OPS_QUEUE else None,
        "argsrepr": shown,
        "kwargsrepr": "{}",
        "origin": None,
        "ignore_result": True,
    }
    body = [arguments, {}, {"callbacks": None, "errbacks": None, "chain": None, "chord": None}]
    return make_message(headers, body, queue, priority)


def _arguments(body: object) -> list[Any]:
    """The positional arguments; there are no others."""
    if not isinstance(body, list) or len(body) != 3:  # noqa: PLR2004 - Celery's protocol 2
        raise Refusal("its body is not a task's")
    arguments, keywords, embedded = body
    if not isinstance(arguments, list) or keywords != {} or not isinstance(embedded, dict):
        raise Refusal("its arguments are not a task's")
    return arguments


def _chunk_id(arguments: list[Any]) -> int:
    if len(arguments) != 1 or type(arguments[0]) is not int or not 0 <= arguments[0] <= LARGEST_ID:
        raise Refusal("its argument is not a chunk's id")
    return arguments[0]


def _expires(value: object) -> str | None:
    """When a duty of beat is out of date: an aware time in ISO's format."""
    if value is None:
        return None
    if isinstance(value, str) and len(value) <= _LONGEST_TIME:
        try:
            if datetime.fromisoformat(value).tzinfo is not None:
                return value
        except ValueError:
            pass
    raise Refusal("its time of expiry is not a time")
