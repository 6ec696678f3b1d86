"""Remote control: workers answer the questions of Flower's pages, and obey no commands.

A writer to Redis could otherwise end tasks, cancel consumers, or start further working processes.
"""

import math
import re
import time
from typing import Any

from qwenq.store.broker.envelopes import as_uuid, make_message, open_envelope
from qwenq.store.broker.refusals import Refusal

QUESTIONS: dict[str, dict[str, Any]] = {
    "ping": {},
    "stats": {},
    "active_queues": {},
    "registered": {},
    "scheduled": {},
    "active": {"safe": True},
    "reserved": {},
    "revoked": {},
    "conf": {},
    # Flower asks for it when it starts, so that it shows all workers at once.
    "heartbeat": {},
}
"""The questions that workers answer, each with its only arguments."""
REPLY_EXCHANGE = "reply.celery.pidbox"
MOST_BYTES = 16_384
MOST_REPLY_BYTES = 2**20
MOST_A_SECOND = 100
"""A page of Flower asks some ten questions."""
LONGEST_NAME = 255
MOST_DESTINATIONS = 1_000

_NODE = re.compile(r"[A-Za-z0-9._-]{1,200}@[A-Za-z0-9._-]{1,255}")


class Rate:
    """Refuses more than `most` in one second."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._second = 0.0
        self._count = 0

    def count(self) -> None:
        """Count one. Raises Refusal."""
        second = math.floor(time.monotonic())
        if second != self._second:
            self._second, self._count = second, 0
        self._count += 1
        if self._count > self._most:
            raise Refusal(f"more than {self._most} came within a second")


def check_question(raw: bytes, queue: str, rate: Rate) -> dict[str, Any]:
    """Rebuild a question to workers. Raises Refusal."""
    rate.count()
    envelope = open_envelope(raw, MOST_BYTES)
    body = envelope.body
    if not isinstance(body, dict):
        raise Refusal("its body is not an object")
    method = body.get("method")
    if not isinstance(method, str) or method not in QUESTIONS:
        raise Refusal("workers do not obey this command: they answer " + ", ".join(QUESTIONS))
    question: dict[str, Any] = {
        "method": method,
        "arguments": dict(QUESTIONS[method]),
        "destination": _destination(body.get("destination")),
        "pattern": None,
        "matcher": None,
    }
    if body.get("pattern") is not None or body.get("matcher") is not None:
        raise Refusal("workers are not chosen by patterns")
    if (reply_to := body.get("reply_to")) is not None:
        question |= {"reply_to": _reply_to(reply_to), "ticket": as_uuid(body.get("ticket"))}
    return make_message({"clock": 0, "expires": 0}, question, queue)


def check_reply(raw: bytes, queue: str) -> dict[str, Any]:
    """Rebuild a worker's reply: its name with any JSON value. Raises Refusal."""
    envelope = open_envelope(raw, MOST_REPLY_BYTES)
    body = envelope.body
    if not isinstance(body, dict) or len(body) != 1 or not all(is_node_name(name) for name in body):
        raise Refusal("it is not a worker's reply")
    headers = {"ticket": as_uuid(envelope.headers.get("ticket")), "clock": 0}
    return make_message(headers, body, queue)


def is_node_name(value: object) -> bool:
    """Whether this may be the name of a worker."""
    return isinstance(value, str) and len(value) <= LONGEST_NAME and _NODE.fullmatch(value) is not None


def _destination(value: object) -> list[str] | None:
    if value is None:
        return None
    if (
        isinstance(value, list)
        and len(value) <= MOST_DESTINATIONS
        and all(is_node_name(one) for one in value)
    ):
        return value
    raise Refusal("its destination is not a list of workers")


def _reply_to(value: object) -> dict[str, str]:
    if not isinstance(value, dict) or value.get("exchange") != REPLY_EXCHANGE:
        raise Refusal("it wants its reply elsewhere")
    return {"exchange": REPLY_EXCHANGE, "routing_key": as_uuid(value.get("routing_key"))}
