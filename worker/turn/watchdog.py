"""Ending a process whose interpreter hangs: C code keeps the interpreter's lock, so that no Python thread runs.

Then no lease is renewed, and the keeper cannot notice the hang. A C thread of faulthandler can: it needs no lock, and
first prints where each thread stands. The parent process could not tell a process that hangs from a process whose store
is away.
"""

import faulthandler
from collections.abc import Iterator
from contextlib import contextmanager

from qwenq.schemas.repeating import repeating

STDERR = 2
PULSES = 10
"""How often the timer is set again while it runs once."""


@contextmanager
def watchdog(seconds: float) -> Iterator[None]:
    """End this process when no Python thread ran for some seconds, for as long as the `with` block lasts.

    The exit code is 1, and the stack of each thread goes to standard error. A process can have one watchdog at a time.
    """

    def set_timer() -> float:
        faulthandler.dump_traceback_later(seconds, exit=True, file=STDERR)
        return seconds / PULSES

    try:
        with repeating("watchdog", set_timer):
            yield
    finally:
        faulthandler.cancel_dump_traceback_later()
