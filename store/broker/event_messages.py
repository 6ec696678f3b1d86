"""Events of workers and tasks, as Flower takes them: known types with fields of the right types, of bounded size."""

import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any

from qwenq.schemas.log.visible import visible
from qwenq.store.broker.control_messages import is_node_name
from qwenq.store.broker.envelopes import UUID, make_message, open_envelope
from qwenq.store.broker.refusals import Refusal
from qwenq.store.broker.task_messages import ANSWER_CHUNK, CARE, RECONCILE, TICK

MOST_BYTES = 2**18
MOST_AT_ONCE = 100
LONGEST_TEXT = 1_000
LONGEST_TRACEBACK = 10_000
LARGEST_NUMBER = 2**53
MOST_NAMES = 5_000
"""Names of nodes that are remembered. Flower keeps some twenty series in memory for each name."""
FORGET_SECONDS = 86_400.0
_YEAR_2100 = 4_102_444_800
_HOURS = 14

_TASKS = {ANSWER_CHUNK, RECONCILE, TICK, CARE}


def _is_number(value: object) -> bool:
    return type(value) in {int, float} and abs(value) <= LARGEST_NUMBER  # type: ignore[arg-type]  # NaN is not


def _is_count(value: object) -> bool:
    return type(value) is int and 0 <= value <= LARGEST_NUMBER


def _is_text(value: object) -> bool:
    return isinstance(value, str) and len(value) <= LONGEST_TEXT


def _is_time(value: object) -> bool:
    return _is_number(value) and 0 <= value <= _YEAR_2100  # type: ignore[operator]


def _is_loads(value: object) -> bool:
    return isinstance(value, list) and len(value) == 3 and all(map(_is_number, value))  # noqa: PLR2004


def _is_id(value: object) -> bool:
    return isinstance(value, str) and UUID.fullmatch(value) is not None


def _or_none(check: Callable[[object], bool]) -> Callable[[object], bool]:
    return lambda value: value is None or check(value)


Checks = Mapping[str, Callable[[object], bool]]

_OF_ALL: Checks = {
    "hostname": is_node_name,
    "timestamp": _is_time,
    "utcoffset": lambda value: _is_number(value) and abs(value) <= _HOURS,  # type: ignore[arg-type]
    "pid": _or_none(_is_count),
    "clock": _is_count,
}
_OF_WORKER: Checks = {
    "freq": lambda value: _is_number(value) and 0 < value <= FORGET_SECONDS,  # type: ignore[operator]
    "active": _or_none(_is_count),
    "processed": _or_none(_is_count),
    "loadavg": _or_none(_is_loads),
    "sw_ident": _is_text,
    "sw_ver": _is_text,
    "sw_sys": _is_text,
}
_OF_TASK: Checks = {
    "uuid": _is_id,
    "name": lambda value: isinstance(value, str) and value in _TASKS,
    "args": _is_text,
    "kwargs": _is_text,
    "root_id": _or_none(_is_id),
    "parent_id": _or_none(_is_id),
    "retries": _is_count,
    "eta": lambda value: value is None,
    "expires": _or_none(_is_text),
    "queue": _is_text,
    "exchange": _is_text,
    "routing_key": _is_text,
    "runtime": lambda value: _is_number(value) and value >= 0,  # type: ignore[operator]
    "result": _or_none(_is_text),
    "exception": _or_none(_is_text),
    "traceback": _or_none(lambda value: isinstance(value, str) and len(value) <= LONGEST_TRACEBACK),
    "requeue": lambda value: isinstance(value, bool),
    "terminated": lambda value: isinstance(value, bool),
    "expired": lambda value: isinstance(value, bool),
    "signum": _or_none(_is_count),
    "job": _is_count,
    "chunk": _is_count,
    "attempt": _is_count,
    "done": _is_count,
    "documents": _is_count,
}
_OF_TYPES: dict[str, Checks] = {
    **{f"worker-{what}": {**_OF_ALL, **_OF_WORKER} for what in ("online", "heartbeat", "offline")},
    **{
        f"task-{what}": {**_OF_ALL, **_OF_TASK}
        for what in (
            "sent", "received", "started", "progress", "succeeded", "failed", "retried", "revoked", "rejected",
        )
    },
}  # fmt: skip
_NEEDED = {"worker": {"hostname", "timestamp"}, "task": {"hostname", "timestamp", "uuid"}}
_CUT = {
    "result": LONGEST_TEXT,
    "exception": LONGEST_TEXT,
    "traceback": LONGEST_TRACEBACK,
    "args": LONGEST_TEXT,
    "kwargs": LONGEST_TEXT,
}
"""Fields whose senders set no limit."""


class Names:
    """The names of nodes that sent events within a day, at most MOST_NAMES."""

    def __init__(self) -> None:
        self._seen: OrderedDict[str, float] = OrderedDict()

    def note(self, name: str) -> None:
        """Note an event of this node. Raises Refusal when there are too many."""
        moment = time.monotonic()
        while self._seen and next(iter(self._seen.values())) < moment - FORGET_SECONDS:
            self._seen.popitem(last=False)
        if name not in self._seen and len(self._seen) >= MOST_NAMES:
            raise Refusal(f"more than {MOST_NAMES} workers and producers sent events within a day")
        self._seen[name] = moment
        self._seen.move_to_end(name)


def check_events(raw: bytes, queue: str, names: Names) -> dict[str, Any]:
    """Rebuild a message of events: one, or a list of them. Raises Refusal."""
    body = open_envelope(raw, MOST_BYTES).body
    if not isinstance(body, list):
        return make_message({}, _checked(body, names), queue)
    if len(body) > MOST_AT_ONCE:
        raise Refusal(f"it has more than {MOST_AT_ONCE} events")
    return make_message({}, [_checked(event, names) for event in body], queue)


def _checked(event: object, names: Names) -> dict[str, Any]:
    if not isinstance(event, dict):
        raise Refusal("an event is not an object")
    kind = event.get("type")
    if not isinstance(kind, str) or kind not in _OF_TYPES:
        raise Refusal("there is no such type of event")
    checks = _OF_TYPES[kind]
    kept = {name: _shown(name, value) for name, value in event.items() if name in checks}
    wrong = [name for name, value in kept.items() if not checks[name](value)]
    wrong += _NEEDED[kind.partition("-")[0]] - kept.keys()
    if wrong:
        raise Refusal(f"{wrong[0]} of its event {kind} is wrong or missing")
    names.note(str(kept["hostname"]))
    return {**kept, "type": kind}


def _shown(name: str, value: object) -> object:
    """A value as Flower's tables show it: text with its control characters visible, and not too long."""
    return visible(value)[: _CUT.get(name)] if isinstance(value, str) else value
