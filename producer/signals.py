"""Ctrl-C, TERM and a closed terminal: noted at once, raised only where that does no harm."""

import atexit
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any, NoReturn, TypeVar

ENDING_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
INTERRUPTED = 130
"""The exit code of a command that such a signal ended."""
REPEAT_SECONDS = 0.5
"""`timeout` and some shells send a signal twice at once: within this time, the second says nothing new."""
INSISTENT_SECONDS = 5.0
"""So long after the first signal, another raises even while signals are held: somebody no longer wants to wait."""
RAISE_AGAIN_SECONDS = 0.05

_UNWRITABLE = (OSError, ValueError, RuntimeError, AttributeError)
"""What flushing a standard stream raises that is closed, gone, or None."""

Handler = Callable[[int, FrameType | None], Any] | int
T = TypeVar("T")


class Interrupted(KeyboardInterrupt):
    """A signal asked this process to end.

    KeyboardInterrupt itself will not do. Where it passes through an `exec`, as imports of dataclasses hold them, Python
    ends the process by SIGINT, even if the exception was caught and another exit code was asked for.
    """


class Signals:
    """Whether a signal asked this process to end (`heard`), and whether it may be raised at once."""

    def __init__(self) -> None:
        self.heard = False
        self._first: float | None = None
        self._last = -REPEAT_SECONDS
        self._waits = False
        self._held = False
        self._reading = False
        self._owns_process = False
        self._exit_code: int | None = None
        self._report_lost = sys.unraisablehook

    def install(self) -> dict[int, Handler]:
        """Handle the ending signals from now on. Returns the handlers that did so before."""
        # Python lets only the main thread have handlers, and raises nothing in the others.
        if threading.current_thread() is not threading.main_thread():
            return {}
        found = {number: signal.getsignal(number) for number in ENDING_SIGNALS}
        # What a shell let this process ignore stays ignored; None is a handler that Python cannot put back.
        previous: dict[int, Handler] = {
            number: old for number, old in found.items() if old not in (signal.SIG_IGN, None)
        }
        _set_handlers(dict.fromkeys(previous, self.hear))
        return previous

    def install_for_process(self) -> None:
        """Handle the ending signals to the end of this process, which `end_with` announces."""
        self.install()
        self._owns_process = True
        sys.unraisablehook = self._raise_again
        # Registered first, so called last: after it, Python would give the signals their default action back.
        atexit.register(_ignore_signals)

    def hear(self, _number: int, frame: FrameType | None) -> None:
        """Handle a signal: note it, and raise Interrupted where that does no harm."""
        if self._exit_code is not None:
            _leave(self._exit_code)
        self.heard = True
        now = time.monotonic()
        if now - self._last < REPEAT_SECONDS:
            return
        if self._owns_process and _is_importing(frame):
            self._hear_again_soon()
            return
        self._last, self._waits = now, True
        if self._first is None:
            self._first = now
        if not self._held or self._reading or now - self._first > INSISTENT_SECONDS:
            self.heed()

    def heed(self) -> None:
        """Raise Interrupted when a signal was held back."""
        if self._waits:
            self._waits = False
            raise Interrupted

    def heeding(self, rows: Iterable[T]) -> Iterator[T]:
        """The same rows; while the next is read, a signal raises at once: standard input may be silent for long."""
        try:
            self._reading = True
            self.heed()
            for row in rows:
                self._reading = False
                yield row
                self._reading = True
                self.heed()
        finally:
            self._reading = False

    @contextmanager
    def holding(self) -> Iterator[None]:
        """Hold signals back in a block; the caller heeds them after it."""
        held, self._held = self._held, True
        try:
            yield
        finally:
            self._held = held

    def end_with(self, code: int) -> None:
        """From now on a signal ends the process at once, with this exit code: its command is over."""
        self.install()  # Celery has handlers of its own
        _flush()
        if code == INTERRUPTED:
            _discard_unwritten()
        self._exit_code = code
        signal.setitimer(signal.ITIMER_REAL, 0)

    def _raise_again(self, lost: "sys.UnraisableHookArgs") -> None:
        """Raise Interrupted again, soon, where Python dropped it: in a destructor or a callback."""
        if not issubclass(lost.exc_type, Interrupted):
            self._report_lost(lost)
            return
        self._last = -REPEAT_SECONDS
        self._hear_again_soon()

    def _hear_again_soon(self) -> None:
        signal.signal(signal.SIGALRM, self.hear)
        signal.setitimer(signal.ITIMER_REAL, RAISE_AGAIN_SECONDS)


def end_process_with(code: int) -> None:
    """Call `Signals.end_with` of this process, if the command line handles its signals."""
    signals = _signals_of_process()
    if signals is not None:
        signals.end_with(code)


@contextmanager
def signals_held() -> Iterator[Signals]:
    """Hold the ending signals back; raises Interrupted at the end of the block if one came and was not heeded.

    Raised inside the SQLite driver, KeyboardInterrupt leaves a statement unfinished for as long as its traceback
    lives, and with it the transaction and the write lock, for which discarding the job would then wait.
    """
    signals = _signals_of_process()
    if signals is not None:
        with signals.holding():
            yield signals
    else:
        signals = Signals()
        with signals.holding(), _installed(signals):
            yield signals
    signals.heed()


@contextmanager
def _installed(signals: Signals) -> Iterator[None]:
    """The handlers of a program that calls qwenq are replaced for a block only."""
    previous = signals.install()
    try:
        yield
    finally:
        _set_handlers(previous)


def _signals_of_process() -> Signals | None:
    """What handles the signals of this process already, if the command line does."""
    if threading.current_thread() is not threading.main_thread():
        return None
    owners = (getattr(signal.getsignal(number), "__self__", None) for number in ENDING_SIGNALS)
    return next((owner for owner in owners if isinstance(owner, Signals)), None)


def _is_importing(frame: FrameType | None) -> bool:
    """Whether a module is being imported. Some extensions, orjson for one, crash if that is interrupted."""
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            return True
        frame = frame.f_back
    return False


def _set_handlers(handlers: Mapping[int, Handler]) -> None:
    """Set all of them, even if one of them raises meanwhile."""
    try:
        for number, handler in handlers.items():
            signal.signal(number, handler)
    except BaseException:
        _set_handlers(handlers)
        raise


def _ignore_signals() -> None:
    for number in ENDING_SIGNALS:
        signal.signal(number, signal.SIG_IGN)


def _leave(code: int) -> NoReturn:
    _flush()
    os._exit(code)


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        with suppress(*_UNWRITABLE):
            stream.flush()


def _discard_unwritten() -> None:
    """Drop what a closed terminal did not take: Python would try once more, and end with exit code 120 for it."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except _UNWRITABLE:
            with suppress(*_UNWRITABLE):
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
                stream.flush()
