"""Breaks the first `qwenq worker` that starts, in the way that BREAK_WORKER names. Python imports this when it starts.

The file BREAK_MARK shows that one was broken.
"""

import os
import sys
from pathlib import Path

_HOW, _MARK = os.environ.get("BREAK_WORKER"), os.environ.get("BREAK_MARK", "")


def _patience() -> None:
    from qwenq.worker.parent import idle_watch

    idle_watch.PATIENCE_SECONDS = float(os.environ["BREAK_PATIENCE"])


def _cancel_consumer() -> None:
    from celery import signals

    def cancel(sender: object) -> None:
        consumer = sender.task_consumer  # type: ignore[attr-defined]
        sender.call_soon(sender.cancel_task_queue, consumer.queues[0].name)  # type: ignore[attr-defined]

    signals.worker_ready.connect(lambda sender, **_: cancel(sender), weak=False)


def _never_read() -> None:
    from qwenq.store.broker.transport import CheckedChannel

    CheckedChannel._brpop_start = lambda *_, **__: None


def _die() -> None:
    from qwenq.store.broker.transport import CheckedChannel

    def fail(*_: object, **__: object) -> None:
        message = "a fault of a library"
        raise ZeroDivisionError(message)

    CheckedChannel._checked = fail  # type: ignore[method-assign]


if _HOW and "worker" in sys.orig_argv and "qwenq" in sys.orig_argv:
    _patience()
    if not Path(_MARK).exists():
        Path(_MARK).touch()
        {"cancel_consumer": _cancel_consumer, "never_read": _never_read, "die": _die}[_HOW]()
