"""The confined processes that render templates which are not plain: a few in each process, from their first need on.

A call ends when its time is up by the caller's clock. So no call waits for another, and none pays for the start of a
child: spare ones are started ahead, with the first template that needs them and as soon as a child was killed.
"""

import atexit
import contextlib
import json
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

import orjson

from qwenq.schemas.confined.limits import Limits
from qwenq.schemas.confined.process import ConfinedProcess
from qwenq.schemas.errors import (
    ConfinedCallFailed,
    ConfinedProcessKilled,
    ConfinedProcessLate,
    ConfinedProcessNotStarted,
)
from qwenq.schemas.prompts.compiled import Failed
from qwenq.schemas.prompts.rendering_child import FAILED, ORDINARY, PYTHON, TEXT

CHILD = "qwenq.schemas.prompts.rendering_child"
LIMITS = Limits(seconds=1.2, answer_bytes=64 * 1024**2)
"""What a call may take. The budget ends nearly all before; this is for what it does not know."""
BATCH_BYTES = 4 * 1024**2
READY_CHILDREN = 3
"""How many children are kept: with fewer, some kills in a row would leave a call without a child that has started."""
_ADVICE = "simplify the template or shorten the document"


class RenderingProcess:
    """Renders documents in children that are killed when they take too long. Each thread's call has its own child."""

    def __init__(self, limits: Limits = LIMITS, child: str = CHILD) -> None:
        self._child = child
        self._limits = limits
        self._lock = threading.Lock()
        self._free: list[ConfinedProcess] = []
        """The last one is taken first: it has been there for longest."""

    def prepare(self) -> None:
        """Start the children, and wait until one is ready: before any document, so that it takes none of its time.

        Raises OSError, and ConfinedProcessNotStarted.
        """
        if self.is_ready():
            return
        confined = self._taken()
        try:
            if not confined.wait():
                raise ConfinedProcessNotStarted(reason="did not start")
        finally:
            self._give_back(confined)

    def is_ready(self) -> bool:
        """Start the children without waiting for them. Returns whether one is ready. Raises as `prepare` does."""
        with self._lock:
            while len(self._free) < READY_CHILDREN:
                self._free.insert(0, ConfinedProcess(self._child, self._limits))
            for confined in reversed(self._free):
                confined.start()
            return self._free[-1].wait(0)

    def render(
        self,
        source: str,
        documents: Sequence[Mapping[str, Any]],
        *,
        began: float | None = None,
        hurry: bool = False,
    ) -> list[str | Failed]:
        """Render the first documents: one at least, and not all if that takes long.

        The limit's seconds count from `began`, a moment of `time.monotonic`; `hurry` gives each the small budget.
        A document fails by a limit only when it was the first of its call, in a fresh process or after an orderly end.
        """
        until = (time.monotonic() if began is None else began) + self._limits.seconds
        outcomes: list[str | Failed] = []
        confined = self._taken()
        try:
            if not confined.wait(until - time.monotonic()):
                return [self._late("could not begin within")]
            outcomes += map(_outcome, confined.begin(_request(source, documents, hurry=hurry), until=until))
        except ConfinedProcessKilled as stopped:
            is_late = isinstance(stopped, ConfinedProcessLate)
            return outcomes or [self._late("took longer than") if is_late else _killed(stopped.reason)]
        except (ConfinedCallFailed, OSError) as failed:
            return outcomes or [_failed(failed)]
        except BaseException:
            confined.close()
            raise
        finally:
            self._give_back(confined)
        return outcomes[: len(documents)] or [Failed("rendering it gave nothing")]

    def close(self) -> None:
        """End all children that render nothing."""
        with self._lock:
            while self._free:
                self._free.pop().close()

    def _taken(self) -> ConfinedProcess:
        with self._lock:
            return self._free.pop() if self._free else ConfinedProcess(self._child, self._limits)

    def _give_back(self, confined: ConfinedProcess) -> None:
        with self._lock:
            if len(self._free) >= READY_CHILDREN:
                confined.close()
            elif confined.is_started:
                self._free.append(confined)
            else:  # It was killed. Starting a process takes time that is not the caller's.
                threading.Thread(target=self._replace, name="spare-renderer").start()

    def _replace(self) -> None:
        spare = ConfinedProcess(self._child, self._limits)
        with contextlib.suppress(OSError):  # the next call says so
            spare.start()
        with self._lock:
            if len(self._free) < READY_CHILDREN:
                self._free.insert(0, spare)
            else:
                spare.close()

    def _late(self, what: str) -> Failed:
        seconds = self._limits.seconds
        return Failed(f"rendering it {what} {seconds:g} s; {_ADVICE}", seconds=seconds, is_killed=True)


def _killed(reason: str) -> Failed:
    return Failed(f"rendering it {reason}; {_ADVICE}", seconds=LIMITS.seconds, is_killed=True)


def _failed(error: ConfinedCallFailed | OSError) -> Failed:
    reason = error.reason if isinstance(error, ConfinedCallFailed) else f"could not begin: {error}"
    return Failed(f"rendering it {reason}; {_ADVICE}")


@cache
def rendering_process() -> RenderingProcess:
    """This process's own."""
    process = RenderingProcess()
    atexit.register(process.close)
    return process


def _request(source: str, documents: Sequence[Mapping[str, Any]], *, hurry: bool) -> bytes:
    try:
        return ORDINARY + _joined(source, documents, orjson.dumps, hurry=hurry)
    except TypeError:  # halves of surrogate pairs, long numbers, keys that are no text
        return PYTHON + _joined(source, documents, lambda value: json.dumps(value).encode(), hurry=hurry)


def _joined(
    source: str, documents: Sequence[Mapping[str, Any]], dump: Callable[[Any], bytes], *, hurry: bool
) -> bytes:
    parts: list[bytes] = []
    length = 0
    for values in documents:
        parts.append(dump(values))
        length += len(parts[-1])
        if length > BATCH_BYTES:
            break
    return b'{"template":%b,"hurry":%b,"documents":[%b]}' % (dump(source), dump(hurry), b",".join(parts))


def _outcome(piece: bytes) -> str | Failed:
    """Read a piece, which foreign bytes may have made up."""
    if piece[:1] == TEXT:
        return piece[1:].decode("utf-8", "surrogatepass")
    if piece[:1] == FAILED:
        reason, missing, seconds = json.loads(piece[1:])
        return Failed(str(reason), missing if missing is None else str(missing), float(seconds))
    return Failed("rendering it gave no text")
