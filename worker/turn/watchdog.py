"""Ending a process whose interpreter hangs: C code that keeps the interpreter's lock, so that no thread of Python runs.

Then nothing renews a lease, and the keeper cannot notice a hang either. The thread that does is one of C, in
faulthandler: it needs no lock, and says first where each thread stands. A parent that looked from outside could not
tell a process that hangs from one whose store takes no more writes.
"""

import faulthandler
import threading
from types import TracebackType
from typing import Self

STDERR = 2
PULSES = 10
"""How many times the clock is wound in the time that it runs."""


class Watchdog:
    """Ends this process when no thread of Python ran for some seconds, for as long as the `with` block lasts.

    Its exit code is 1; the stack of each thread goes to standard error. There is one a process.
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
