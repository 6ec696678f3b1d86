"""Workers' replies to Flower's questions, checked: a writer to Redis could make them up, and break a page."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any

from flower.inspector import Inspector

from qwenq.store.broker.refusals import REFUSALS

MOST_WORKERS = 1_000
MOST_ITEMS = 1_000
_OF_QUEUE = (
    "name", "exclusive", "exchange", "durable", "routing_key", "no_ack", "alias", "queue_arguments",
    "binding_arguments", "auto_delete",
)  # fmt: skip
_OF_TASK = ("name", "id", "args", "kwargs", "acknowledged", "worker_pid")
_DURATIONS = ("utime", "stime")


class CheckedInspector(Inspector):  # type: ignore[misc]  # Flower has no types
    """Flower's questions to workers. Keeps only replies of the form that its pages show."""

    async def end(self) -> None:
        """Give up the questions that still wait for replies."""
        asking = list(self._inspect_tasks.values())
        for task in asking:
            task.cancel()
        await asyncio.gather(*asking, return_exceptions=True)

    def _on_update(self, workername: str, method: str, response: Any) -> None:
        known = workername in self.workers
        if _FORMS[method](response) and (known or len(self.workers) < MOST_WORKERS):
            super()._on_update(workername, method, response)
        else:
            REFUSALS.note(workername, f"it is not a reply to the question {method}", response)


class NothingUnclaimed(dict[str, Any]):
    """Forgets replies that nobody asked for. Celery would keep them for ever."""

    def __missing__(self, _ticket: str) -> deque[Any]:
        return deque(maxlen=0)


def _is_number(value: object) -> bool:
    return type(value) in {int, float} and abs(value) < 2**53  # type: ignore[arg-type]  # NaN is not


def _is_stats(value: Any) -> bool:
    if not isinstance(value, dict) or not isinstance(value.get("total"), dict):
        return False
    consumer = value.get("consumer") or value
    broker = consumer.get("broker") if isinstance(consumer, dict) else None
    rusage = value.get("rusage")
    return (
        isinstance(broker, dict)
        and isinstance(value.get("pool", {}), dict)
        and isinstance(value.get("autoscaler") or {}, dict)
        and all(map(_is_number, value["total"].values()))
        and _is_number(value.get("uptime", 0))
        and (not isinstance(rusage, dict) or all(_is_number(rusage.get(name, 0)) for name in _DURATIONS))
    )


def _is_list_of(check: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, list) and len(value) <= MOST_ITEMS and all(map(check, value))


def _is_task(value: Any) -> bool:
    return isinstance(value, dict) and set(_OF_TASK) <= value.keys() and isinstance(value["id"], str)


def _is_scheduled(value: Any) -> bool:
    return isinstance(value, dict) and _is_task(value.get("request"))


def _is_queue(value: Any) -> bool:
    return isinstance(value, dict) and set(_OF_QUEUE) <= value.keys()


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


_FORMS: dict[str, Callable[[Any], bool]] = {
    "stats": _is_stats,
    "active_queues": _is_list_of(_is_queue),
    "registered": _is_list_of(_is_text),
    "scheduled": _is_list_of(_is_scheduled),
    "active": _is_list_of(_is_task),
    "reserved": _is_list_of(_is_task),
    "revoked": _is_list_of(_is_text),
    "conf": lambda value: isinstance(value, dict),
}
