"""The echo engine with one document that hangs its process, in C or waiting: for workers of tests.

A process that finds this module in its `sitecustomize` has it for the model `echo`.
"""

import ctypes
import threading
from collections.abc import Iterable, Iterator

from qwenq.schemas.requests import Completion, Request
from qwenq.worker.engines.echo import kind
from qwenq.worker.engines.echo.engine import EchoEngine

HANGING = "hanging"
WAITING = f"{HANGING} while it waits for what never comes"
FOR_EVER = 100_000


class HangingEngine(EchoEngine):
    """Hangs at a document with the word in it."""

    def generate(self, requests: Iterable[Request]) -> Iterator[Completion]:
        """Answer each request but the hanging one."""
        yield from super().generate(_survived(requests))


def _survived(requests: Iterable[Request]) -> Iterator[Request]:
    for request in requests:
        text = request.prompt.messages[-1].content
        if WAITING in text:
            threading.Event().wait()
        elif HANGING in text:
            # PyDLL, unlike CDLL, keeps the interpreter's lock.
            ctypes.PyDLL(None).sleep(FOR_EVER)
        yield request


def install() -> None:
    """Make it the echo engine of this process."""
    setattr(kind, EchoEngine.__name__, HangingEngine)
