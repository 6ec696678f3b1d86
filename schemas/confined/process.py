"""A confined process as its owner sees it: calls go in, pieces come back, and a call that goes too far is killed."""

import math
import os
import signal
from collections.abc import Iterator
from dataclasses import replace
from types import TracebackType
from typing import Protocol, Self

from qwenq.schemas.confined.child import (
    END,
    FAILED,
    MOST_PART_BYTES,
    NO_FILE,
    NO_MEMORY,
    PART,
    PART_LENGTH,
    PIECE,
    READ,
    READY,
    REQUEST,
    SHORT_BYTES,
)
from qwenq.schemas.confined.limits import Limits
from qwenq.schemas.confined.line import Child, Clock, Deadline
from qwenq.schemas.errors import (
    ConfinedCallFailed,
    ConfinedProcessKilled,
    ConfinedProcessLate,
    ConfinedProcessNotStarted,
)

_START_SECONDS = 60.0
_GIVE_MEMORY = (signal.SIGABRT, signal.SIGSEGV, signal.SIGBUS, signal.SIGTRAP)
"""Signals that code in C ends with when it gets no memory."""
_MIB = 1024**2


class Seekable(Protocol):
    """A file that can be read at any place."""

    def seek(self, place: int, whence: int = ..., /) -> int:
        """Go to a place. Returns it, counted from the file's beginning."""

    def read(self, length: int, /) -> bytes:
        """Read at most so many bytes; none at the end."""


class ConfinedProcess:
    """Calls `serve(request) -> pieces` of a module, in a child with limits and without this process's environment.

    The child starts with `start` or at the first call, and again after it was killed. Not thread-safe. Use it as a
    context manager: the child ends with it, and also when this process dies.
    """

    def __init__(self, module: str, limits: Limits) -> None:
        self._module = module
        self._limits = limits
        self._child: Child | None = None
        self._call: _Call | None = None
        self._is_ready = self._is_used = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def is_fresh(self) -> bool:
        """Whether the next call is its child's first."""
        return self._child is None or not self._is_used

    @property
    def is_started(self) -> bool:
        """Whether there is a child, which may still be starting."""
        return self._child is not None

    def start(self) -> None:
        """Start the child without waiting for it, unless there is one. Raises OSError."""
        if self._child is None:
            self._child = Child.begin(self._module, self._limits)
            self._is_ready = self._is_used = False

    def wait(self, seconds: float = _START_SECONDS) -> bool:
        """Start the child if there is none, and wait until it is ready. False: that takes longer than so many seconds.

        Raises OSError, and ConfinedProcessNotStarted when the child ended.
        """
        self.start()
        if self._child is None or self._is_ready:
            return self._is_ready
        try:
            kind, _ = self._child.receive(Clock(seconds), 0)
        except TimeoutError:
            return False
        except (EOFError, OverflowError):
            kind = b""
        if kind != READY:
            self.close()
            raise ConfinedProcessNotStarted(reason="did not start")
        self._is_ready = True
        return True

    def close(self) -> None:
        """End the child, if there is one."""
        self._call = None
        if self._child is not None:
            self._child.kill()
            self._child = None

    def call(self, request: bytes, seconds: float | None = None) -> bytes:
        """Return all pieces as one. `seconds` replace those of the limits. Raises what `begin` says."""
        return b"".join(self.begin(request, seconds=seconds))

    def pieces(self, request: bytes, file: "Seekable | None" = None) -> Iterator[bytes]:
        """Yield the pieces of the answer as they come; the request is sent with the first. Raises as `begin` says."""
        yield from self.begin(request, file)

    def begin(
        self,
        request: bytes,
        file: "Seekable | None" = None,
        seconds: float | None = None,
        seconds_a_piece: float | None = None,
        until: float | None = None,
    ) -> Iterator[bytes]:
        """Send a request now. Returns the pieces of its answer, which the next call drops.

        `serve` gets the `file` too: it may read any part, and this process reads that part for it. `seconds` and
        `seconds_a_piece` replace those of the limits. Only time spent waiting for the child counts; with `until`, a
        moment of `time.monotonic`, all time does. Iterating raises ConfinedProcessKilled when the call went beyond its
        limits or the child crashed, ConfinedCallFailed when `serve` raised, and what reading the file raises.
        """
        if self._call is not None:  # The line holds the rest of an answer that nobody wants.
            self.close()
        call: _Call | None = None
        try:
            limits = _limits(self._limits, seconds, seconds_a_piece)
            clock = Clock(limits.seconds) if until is None else Deadline(until)
            call = self._call = _Call(self._begun(), limits, file, clock)
            self._is_used = True
            call.send(request)
        except (ConfinedProcessKilled, TimeoutError, EOFError) as error:
            return self._failed(call, error)
        except BaseException:
            self.close()
            raise
        return self._answer(call)

    def _failed(self, call: "_Call | None", error: Exception) -> Iterator[bytes]:
        killed = error if isinstance(error, ConfinedProcessKilled) or call is None else self._why(call, error)
        self.close()
        return _raising(killed)

    def _answer(self, call: "_Call") -> Iterator[bytes]:
        kind, content = answer = b"", b""
        try:
            while call is self._call and (answer := call.receive())[0] == PIECE:
                yield answer[1]
            kind, content = answer
        except (TimeoutError, EOFError, OverflowError) as error:
            raise self._why(call, error) from None
        finally:
            if call is self._call:
                self._call = None
                if kind not in {
                    END,
                    FAILED,
                }:  # The child hangs, or its answer has a rest, or its memory is in pieces.
                    self.close()
        if kind == NO_MEMORY:
            raise ConfinedProcessKilled(reason=self._wanted_memory())
        if kind == FAILED:
            raise ConfinedCallFailed(reason=content.decode(errors="replace"))
        if kind != END:
            raise ConfinedProcessKilled(reason="gave an answer that makes no sense")

    def _begun(self) -> "Child":
        if not self.wait() or self._child is None:
            self.close()
            raise ConfinedProcessNotStarted(reason="did not start")
        return self._child

    def _why(self, call: "_Call", error: Exception) -> ConfinedProcessKilled:
        if isinstance(error, TimeoutError):
            return ConfinedProcessLate(reason=f"took longer than {call.seconds:g} s")
        if isinstance(error, OverflowError):
            return ConfinedProcessKilled(reason=f"gave more than {self._limits.answer_bytes // _MIB:,} MiB")
        code = call.child.exit_code()
        if code == -signal.SIGXCPU:
            return ConfinedProcessLate(reason=f"took longer than {call.seconds:g} s")
        if code in [-one for one in _GIVE_MEMORY]:
            name = signal.Signals(-code).name
            return ConfinedProcessKilled(reason=f"crashed ({name}) or {self._wanted_memory()}")
        return ConfinedProcessKilled(reason=f"crashed (exit code {code})")

    def _wanted_memory(self) -> str:
        return f"needed more than {self._limits.memory_bytes // _MIB:,} MiB of memory"


def _limits(limits: Limits, seconds: float | None, seconds_a_piece: float | None) -> Limits:
    if seconds is not None:
        limits = replace(limits, seconds=seconds)
    return limits if seconds_a_piece is None else replace(limits, seconds_a_piece=seconds_a_piece)


def _raising(error: Exception) -> Iterator[bytes]:
    raise error
    yield b""


class _Call:
    """A call of a child: what it has used of its limits, and its file."""

    def __init__(self, child: "Child", limits: Limits, file: "Seekable | None", clock: Clock) -> None:
        self.child = child
        self.seconds = limits.seconds
        self._limits = limits
        self._file = file
        self._clock = clock
        self._answered = 0

    def send(self, request: bytes) -> None:
        """Send the request. Raises TimeoutError, and EOFError when the child is gone."""
        seconds = (math.ceil(self._limits.seconds), math.ceil(self._limits.seconds_a_piece))
        size = NO_FILE if self._file is None else self._file.seek(0, os.SEEK_END)
        header = REQUEST.pack(len(request), *seconds, size)
        for part in (header + request,) if len(request) <= SHORT_BYTES else (header, request):
            self.child.send(part, self._clock)

    def receive(self) -> tuple[bytes, bytes]:
        """Read the next piece or the end, and send parts of the file until then.

        Raises TimeoutError, EOFError when the child is gone, OverflowError for more than the limits allow.
        """
        most = min(self._limits.piece_bytes, self._limits.answer_bytes - self._answered)
        while (answer := self.child.receive(self._clock, most))[0] == READ:
            self._send_part(answer[1])
        kind, content = answer
        if kind == PIECE:
            self._answered += len(content)
            self._clock.add(self._limits.seconds_a_piece)
        return kind, content

    def _send_part(self, wanted: bytes) -> None:
        if self._file is None or len(wanted) != PART.size:
            raise EOFError
        place, length = PART.unpack(wanted)
        self._file.seek(place)
        part = self._file.read(min(length, MOST_PART_BYTES))
        self.child.send(PART_LENGTH.pack(len(part)) + part, self._clock)
