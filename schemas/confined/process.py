"""A confined process as its owner sees it: calls go in, pieces come back, and a call that goes too far is killed."""

import math
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from types import TracebackType
from typing import Self

from qwenq.schemas.confined.child import ANSWER, END, FAILED, NO_MEMORY, PIECE, READY, REQUEST
from qwenq.schemas.confined.limits import Limits
from qwenq.schemas.errors import ConfinedCallFailed, ConfinedProcessKilled

_CHILD = "qwenq.schemas.confined.child"
_INHERITED = ("PYTHONPATH", "LD_LIBRARY_PATH", "LANG", "LC_ALL", "TZ")
"""The environment of a child: what Python and its libraries need to start, and no secrets."""
_START_SECONDS = 60.0
_GIVE_MEMORY = (signal.SIGABRT, signal.SIGSEGV, signal.SIGBUS, signal.SIGTRAP)
"""Signals that code in C ends with when it gets no memory."""
_MIB = 1024**2


class ConfinedProcess:
    """Calls `serve(request) -> pieces` of a module, in a child with limits and without this process's environment.

    The child starts at the first call, and again at the next call after it was killed. Not thread-safe. Use it as a
    context manager: the child ends with it, and also when this process dies.
    """

    def __init__(self, module: str, limits: Limits) -> None:
        self._module = module
        self._limits = limits
        self._child: _Child | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the child, if there is one."""
        if self._child is not None:
            self._child.kill()
            self._child = None

    def call(self, request: bytes) -> bytes:
        """Return all pieces as one. Raises what `pieces` raises."""
        return b"".join(self.pieces(request))

    def pieces(self, request: bytes) -> Iterator[bytes]:
        """Yield the pieces of the answer as they come.

        Only time spent waiting for the child counts. Raises ConfinedProcessKilled when the call went beyond its
        limits or the child crashed, ConfinedCallFailed when `serve` raised.
        """
        child = self._begun()
        clock = _Clock(self._limits.seconds)
        ended, length = False, 0
        try:
            child.send(REQUEST.pack(len(request), math.ceil(self._limits.seconds)), clock)
            child.send(request, clock)
            while (answer := child.receive(clock, self._limits.answer_bytes - length))[0] == PIECE:
                length += len(answer[1])
                yield answer[1]
            ended = True
        except TimeoutError:
            raise ConfinedProcessKilled(reason=f"took longer than {self._limits.seconds:g} s") from None
        except EOFError:
            raise ConfinedProcessKilled(reason=self._last_words(child)) from None
        except OverflowError:
            raise ConfinedProcessKilled(
                reason=f"gave more than {self._limits.answer_bytes // _MIB:,} MiB"
            ) from None
        finally:
            if not ended:  # The line holds the rest of an answer that nobody wants, or the child hangs.
                self.close()
        self._check(*answer)

    def _check(self, kind: bytes, content: bytes) -> None:
        if kind == NO_MEMORY:
            self.close()  # Its memory is in pieces.
            raise ConfinedProcessKilled(reason=self._wanted_memory())
        if kind == FAILED:
            raise ConfinedCallFailed(reason=content.decode())
        if kind != END:
            self.close()
            raise ConfinedProcessKilled(reason="gave an answer that makes no sense")

    def _begun(self) -> "_Child":
        if self._child is None:
            self._child = _Child.begin(self._module, self._limits)
            try:
                kind, _ = self._child.receive(_Clock(_START_SECONDS), 0)
            except (TimeoutError, EOFError):
                kind = b""
            if kind != READY:
                self.close()
                raise ConfinedProcessKilled(reason="did not start")
        return self._child

    def _wanted_memory(self) -> str:
        return f"needed more than {self._limits.memory_bytes // _MIB:,} MiB of memory"

    def _last_words(self, child: "_Child") -> str:
        code = child.exit_code()
        if code == -signal.SIGXCPU:
            return f"took longer than {self._limits.seconds:g} s"
        if code in [-one for one in _GIVE_MEMORY]:
            name = signal.Signals(-code).name
            return f"crashed ({name}) or {self._wanted_memory()}"
        return f"crashed (exit code {code})"


class _Clock:
    """Counts down the seconds that a call may wait for the child."""

    def __init__(self, seconds: float) -> None:
        self._left = seconds

    def wait(self, file: int, event: int) -> None:
        """Wait until the file is ready. Raises TimeoutError when no time is left."""
        began = time.monotonic()
        poll = select.poll()
        poll.register(file, event)
        ready = poll.poll(max(self._left, 0) * 1000)
        self._left -= time.monotonic() - began
        if not ready:
            raise TimeoutError


class _Child:
    """A running child and the two pipes to it, which are never waited for without a clock."""

    def __init__(self, process: subprocess.Popen[bytes], requests: int, answers: int) -> None:
        self._process = process
        self._requests = requests
        self._answers = answers

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
                env={name: os.environ[name] for name in _INHERITED if name in os.environ},
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

    def send(self, content: bytes, clock: _Clock) -> None:
        """Write all of it. Raises TimeoutError, and EOFError when the child is gone."""
        left = memoryview(content)
        while left:
            clock.wait(self._requests, select.POLLOUT)
            try:
                left = left[os.write(self._requests, left) :]
            except BlockingIOError:
                continue
            except BrokenPipeError:
                raise EOFError from None

    def receive(self, clock: _Clock, most: int) -> tuple[bytes, bytes]:
        """Read one answer: its kind and its content.

        Raises TimeoutError, EOFError when the child is gone, and OverflowError for content of more than `most` bytes.
        """
        kind, length = ANSWER.unpack(self._read(ANSWER.size, clock))
        if length > most:
            raise OverflowError
        return kind, self._read(length, clock)

    def exit_code(self) -> int:
        """Wait for the child, which has closed its line, and say how it ended."""
        try:
            return self._process.wait(timeout=1)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait()

    def kill(self) -> None:
        """End the child and close the line."""
        self._process.kill()
        self._process.wait()
        os.close(self._requests)
        os.close(self._answers)

    def _read(self, length: int, clock: _Clock) -> bytes:
        parts: list[bytes] = []
        while length:
            clock.wait(self._answers, select.POLLIN)
            part = os.read(self._answers, min(length, _MIB))
            if not part:
                raise EOFError
            parts.append(part)
            length -= len(part)
        return b"".join(parts)
