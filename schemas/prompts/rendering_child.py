"""What the confined process does for templates: it renders documents, and gives each text as soon as it is there.

request     JSON: {"template": "…", "hurry": true or false, "documents": [values, …]}
pieces      for each document, in order, one byte and UTF-8: `t` and its text, or `f` and
            [reason, missing name, seconds until it reached a limit]
"""

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import orjson

from qwenq.schemas.prompts.budget import FULL, SMALL
from qwenq.schemas.prompts.compiled import Failed, compiled

TEXT, FAILED = b"t", b"f"
ORDINARY, PYTHON = b"o", b"p"
ENOUGH_SECONDS = 0.2
"""After so many seconds the call ends, so that each document has most of a call's time for itself."""
ENOUGH_BYTES = 16 * 1024**2


def serve(request: bytes) -> Iterator[bytes]:
    """Render the documents of a request, the first one at least."""
    asked = _loaded(request)
    template = compiled(asked["template"])
    allowance = SMALL if asked["hurry"] else FULL
    until, length = time.monotonic() + ENOUGH_SECONDS, 0
    for values in asked["documents"]:
        piece = _piece(template.render(values, allowance))
        yield piece
        length += len(piece)
        if length > ENOUGH_BYTES or time.monotonic() > until:
            return


def _loaded(request: bytes) -> Any:
    reads: Callable[[bytes], Any] = json.loads if request[:1] == PYTHON else orjson.loads
    return reads(request[1:])


def _piece(outcome: str | Failed) -> bytes:
    if isinstance(outcome, Failed):
        return FAILED + json.dumps([outcome.reason, outcome.missing, outcome.seconds]).encode()
    return TEXT + outcome.encode("utf-8", "surrogatepass")
