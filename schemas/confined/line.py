"""A running child and the line to it: two pipes, which are never waited for without a clock."""

import os
import select
import subprocess
import sys
import time
import weakref
from typing import Self

from qwenq.schemas.confined.child import ANSWER, PART, READ, SHORT_BYTES
from qwenq.schemas.confined.limits import Limits
from qwenq.schemas.machine.import_path import safe_variables

_CHILD = "qwenq.schemas.confined.child"
_INHERITED = ("PYTHONPATH", "LD_LIBRARY_PATH", "LANG", "LC_ALL", "TZ")
"""The environment of a child: what Python and its libraries need to start, and no secrets."""
_MIB = 1024**2
_MALLOC = {"MALLOC_TRIM_THRESHOLD_": str(64 * _MIB), "MALLOC_MMAP_THRESHOLD_": str(32 * _MIB)}
"""glibc would hand memory back after each small document, and ask for it again. Other systems ignore this."""


def _environment() -> dict[str, str]:
    kept = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    return kept | safe_variables(kept) | _MALLOC


class Clock:
    """Counts down the seconds that a call may wait for the child."""

    def __init__(self, seconds: float) -> None:
        self._most = self._left = seconds

    def add(self, seconds: float) -> None:
        """Give the child time back, at most what it had at first."""
        self._left = min(self._left + seconds, self._most)

    def wait(self, pipe: select.poll) -> None:
        """Wait until the pipe is ready. Raises TimeoutError when no time is left."""
        began = time.monotonic()
        ready = pipe.poll(max(self._left, 0) * 1000)
        self._left -= time.monotonic() - began
        if not ready:
            raise TimeoutError


class Deadline(Clock):
    """Counts down to a moment of `time.monotonic`, whatever the time is spent on."""

    def __init__(self, until: float) -> None:
        super().__init__(until - time.monotonic())
        self._until = until

    def add(self, seconds: float) -> None:
        """Do nothing: the moment stays."""

    def wait(self, pipe: select.poll) -> None:
        """Wait until the pipe is ready. Raises TimeoutError when no time is left."""
        self._left = self._until - time.monotonic()
        super().wait(pipe)


class Child:
    """A running child and the two pipes to it, which are never waited for without a clock."""

    def __init__(self, process: subprocess.Popen[bytes], requests: int, answers: int) -> None:
        self._process = process
        self._requests = requests
        self._answers = answers
        self._writable = _poll(requests, select.POLLOUT)
        self._readable = _poll(answers, select.POLLIN)
        self._held = b""
        self._at = 0
        # Also for an owner that was never closed, such as the reader of rows that nobody read.
        self.kill = weakref.finalize(self, _end, process, requests, answers)

    @classmethod
    def begin(cls, module: str, limits: Limits) -> Self:
        """Start a child. Raises OSError."""
        child_in, requests = os.pipe()
        answers, child_out = os.pipe()
        try:
            process = subprocess.Popen(
                [sys.executable, "-P", "-m", _CHILD, module, str(limits.memory_bytes)],
                stdin=child_in,
                stdout=child_out,
                stderr=subprocess.DEVNULL,
                env=_environment(),
                start_new_session=True,
            )
        except BaseException:
            os.close(requests)
            os.close(answers)
            raise
        finally:
            os.close(child_in)
            os.close(child_out)
        os.set_blocking(requests, False)
        os.set_blocking(answers, False)
        return cls(process, requests, answers)

    def send(self, content: bytes, clock: Clock) -> None:
        """Write all of it. Raises TimeoutError, and EOFError when the child is gone."""
        left = memoryview(content)
        while left:
            try:
                left = left[os.write(self._requests, left) :]
            except BlockingIOError:
                clock.wait(self._writable)
            except BrokenPipeError:
                raise EOFError from None

    def receive(self, clock: Clock, most: int) -> tuple[bytes, bytes]:
        """Read one answer: its kind and its content.

        Raises TimeoutError, EOFError when the child is gone, and OverflowError for content of more than `most` bytes.
        """
        kind, length = ANSWER.unpack(self._read(ANSWER.size, clock))
        if length > most and kind != READ:
            raise OverflowError
        return kind, self._read(min(length, PART.size) if kind == READ else length, clock)

    def exit_code(self) -> int:
        """Wait for the child, which has closed its line, and say how it ended."""
        try:
            return self._process.wait(timeout=1)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait()

    def _read(self, length: int, clock: Clock) -> bytes:
        """Take so many bytes of what was received. What there is more of in the pipe is received with them."""
        if len(self._held) - self._at < length:
            self._receive(length, clock)
        start = self._at
        self._at += length
        return self._held[start : self._at]

    def _receive(self, length: int, clock: Clock) -> None:
        parts = [self._held[self._at :]]
        missing = length - len(parts[0])
        while missing > 0:
            try:
                part = os.read(self._answers, min(max(missing, SHORT_BYTES), _MIB))
            except BlockingIOError:
                clock.wait(self._readable)
                continue
            if not part:
                raise EOFError
            parts.append(part)
            missing -= len(part)
        self._held, self._at = b"".join(parts), 0


def _poll(file: int, event: int) -> select.poll:
    poll = select.poll()
    poll.register(file, event)
    return poll


def _end(process: subprocess.Popen[bytes], requests: int, answers: int) -> None:
    """End a child and close the line."""
    process.kill()
    process.wait()
    os.close(requests)
    os.close(answers)
