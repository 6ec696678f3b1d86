"""The working process of a worker, as its parent sees it."""

import signal
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import psutil

STOPPING_SIGNALS = {signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT}
"""Only people and supervisors send these; the kernel does not, nor does a fault. It kills for lack of memory with
SIGKILL, which is therefore taken for the document's fault, wherever it came from."""


def working_processes() -> list[psutil.Process]:
    """Usually one process; none before it starts, and for a moment two while a new one replaces it.

    The parent's other child, which tracks semaphores, is left out.
    """
    found = []
    for child in psutil.Process().children():
        with suppress(psutil.Error):
            if any("spawn_main" in word for word in child.cmdline()):
                found.append(child)
    return found


def watch_children(pool: Any, on_ended: Callable[[int, int], None]) -> None:
    """Call `on_ended` with pid and exit code of each working process that a signal or a fault ended.

    A negative code is a signal. The call comes before another process starts.

    `pool` is Celery's; the call comes in its event loop and must be quick. Call this again now and then: Celery forgets
    it when it connects to the broker again.
    """
    processes = pool._pool  # noqa: SLF001 - Celery offers no signal for it
    earlier = processes.on_process_down
    if getattr(earlier, "is_ours", False):
        return

    def on_process_down(process: Any) -> None:
        code = process.exitcode
        if code:
            on_ended(process.pid, code)
        if earlier:
            earlier(process)

    on_process_down.is_ours = True  # type: ignore[attr-defined]
    processes.on_process_down = on_process_down
