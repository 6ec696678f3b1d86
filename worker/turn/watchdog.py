"""Ending a process whose interpreter hangs: C code keeps the interpreter's lock, so that no Python thread runs.

Then no lease is renewed, and the keeper cannot notice the hang. A C thread of faulthandler can: it needs no lock, and
first prints where each thread stands. The parent process could not tell a process that hangs from a process whose store
is away.
"""

import faulthandler
import threading
from types import TracebackType
from typing import Self

STDERR = 2
PULSES = 10
"""How often the timer is set again while it runs once."""


class Watchdog:
    """Ends this process when no Python thread ran for some seconds, for as long as the `with` block lasts.

    The exit code is 1, and the stack of each thread goes to standard error. A process can have one watchdog at a time.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watchdog", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._over.set()
        self._thread.join()
        faulthandler.cancel_dump_traceback_later()

    def _run(self) -> None:
        faulthandler.dump_traceback_later(self._seconds, exit=True, file=STDERR)
        while not self._over.wait(self._seconds / PULSES):
            faulthandler.dump_traceback_later(self._seconds, exit=True, file=STDERR)
