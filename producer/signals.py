"""Ctrl-C, TERM and a closed terminal while a job is stored: heard at once, heeded where they do no harm."""

import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from qwenq.schemas.documents import Row

ENDING_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
INSISTENT_SECONDS = 5.0
"""A signal that comes again after this long raises wherever the process is: clearing up takes too long for somebody."""

Handler = Callable[[int, FrameType | None], Any] | int


class Signals:
    """Whether a signal asked this process to end, and whether it may do so at once."""

    def __init__(self) -> None:
        self._heard_at: float | None = None
        self._heeding = False

    def hear(self, _number: int, _frame: FrameType | None) -> None:
        """Handle a signal: note it, and raise KeyboardInterrupt where that does no harm."""
        now = time.monotonic()
        first = self._heard_at is None
        # `timeout` and some shells send a signal twice at once: the second must not cut the clearing-up short.
        insistent = self._heard_at is not None and now - self._heard_at > INSISTENT_SECONDS
        if first:
            self._heard_at = now
        if insistent or (first and self._heeding):
            raise KeyboardInterrupt

    def heed(self) -> None:
        """Raise KeyboardInterrupt when a signal was heard."""
        if self._heard_at is not None:
            raise KeyboardInterrupt

    def heeding(self, rows: Iterable[Row]) -> Iterator[Row]:
        """The same rows; while the next is read, a signal raises at once: standard input may be silent for long."""
        try:
            self._heeding = True
            self.heed()
            for row in rows:
                self._heeding = False
                yield row
                self._heeding = True
                if self._heard_at is not None:
                    raise KeyboardInterrupt
        finally:
            self._heeding = False


@contextmanager
def signals_held() -> Iterator[Signals]:
    """Hold Ctrl-C and TERM back; raises KeyboardInterrupt at the end for one that nobody heeded.

    Raised inside the SQLite driver, KeyboardInterrupt leaves a statement unfinished for as long as its traceback
    lives, and with it the transaction and the write lock, for which discarding the job would then wait.
    """
    signals = Signals()
    previous: dict[int, Handler] = {}
    # Python lets only the main thread have handlers, and raises nothing in the others.
    if threading.current_thread() is threading.main_thread():
        found = {number: signal.getsignal(number) for number in ENDING_SIGNALS}
        # What a shell let this process ignore stays ignored; None is a handler that Python cannot put back.
        previous = {number: old for number, old in found.items() if old not in (signal.SIG_IGN, None)}
    try:
        for number in previous:
            signal.signal(number, signals.hear)
        yield signals
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
    signals.heed()
