"""The confined process that renders templates which are not plain: one in each process, from its first need on."""

import atexit
import json
import threading
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

import orjson

from qwenq.schemas.confined.limits import Limits
from qwenq.schemas.confined.process import ConfinedProcess
from qwenq.schemas.errors import ConfinedCallFailed, ConfinedProcessKilled
from qwenq.schemas.prompts.compiled import Failed
from qwenq.schemas.prompts.rendering_child import FAILED, ORDINARY, PYTHON, TEXT

CHILD = "qwenq.schemas.prompts.rendering_child"
LIMITS = Limits(seconds=1.5, answer_bytes=64 * 1024**2)
"""What rendering a document may take. The budget ends nearly all before; this is for what it does not know."""
BATCH_BYTES = 4 * 1024**2


class RenderingProcess:
    """Renders documents in a child that is killed when it takes too long. Threads take turns."""

    def __init__(self, limits: Limits = LIMITS) -> None:
        self._turn = threading.Lock()
        self._confined = ConfinedProcess(CHILD, limits)

    def render(self, source: str, documents: Sequence[Mapping[str, Any]]) -> list[str | Failed]:
        """Render the first documents: one at least, and not all if that takes long.

        A document fails by a limit only when it was the first of its call, in a fresh process or after an orderly end.
        """
        outcomes: list[str | Failed] = []
        with self._turn:
            try:
                outcomes += map(_outcome, self._confined.pieces(_request(source, documents)))
            except (ConfinedProcessKilled, ConfinedCallFailed) as stopped:
                reason = f"{stopped.reason}; simplify the template or shorten the document"
                return outcomes or [Failed(f"rendering it {reason}")]
        return outcomes[: len(documents)] or [Failed("rendering it gave nothing")]

    def close(self) -> None:
        """End the child, if there is one."""
        with self._turn:
            self._confined.close()


@cache
def rendering_process() -> RenderingProcess:
    """This process's own."""
    process = RenderingProcess()
    atexit.register(process.close)
    return process


def _request(source: str, documents: Sequence[Mapping[str, Any]]) -> bytes:
    try:
        return ORDINARY + _joined(source, documents, orjson.dumps)
    except TypeError:  # halves of surrogate pairs, long numbers, keys that are no text
        return PYTHON + _joined(source, documents, lambda value: json.dumps(value).encode())


def _joined(source: str, documents: Sequence[Mapping[str, Any]], dump: Callable[[Any], bytes]) -> bytes:
    parts: list[bytes] = []
    length = 0
    for values in documents:
        parts.append(dump(values))
        length += len(parts[-1])
        if length > BATCH_BYTES:
            break
    return b'{"template":%b,"documents":[%b]}' % (dump(source), b",".join(parts))


def _outcome(piece: bytes) -> str | Failed:
    """Read a piece, which foreign bytes may have made up."""
    if piece[:1] == TEXT:
        return piece[1:].decode("utf-8", "surrogatepass")
    if piece[:1] == FAILED:
        reason, missing = json.loads(piece[1:])
        return Failed(str(reason), missing if missing is None else str(missing))
    return Failed("rendering it gave no text")
