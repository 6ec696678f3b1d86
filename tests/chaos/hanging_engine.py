"""The echo engine, but one document hangs its process in C, and keeps the interpreter's lock: for tests' workers.

A process that finds this module in its `sitecustomize` has it for the model `echo`.
"""

import ctypes
from collections.abc import Iterable, Iterator

from schemas.requests import Completion, Request
from worker.engine import factory
from worker.engine.echo import EchoEngine

HANGING = "hanging"
FOR_EVER = 100_000


class HangingEngine(EchoEngine):
    """Hangs at a document with the word in it. PyDLL, unlike CDLL, keeps the interpreter's lock."""

    def generate(self, requests: Iterable[Request]) -> Iterator[Completion]:
        """Answer each request but the hanging one."""
        yield from super().generate(_survived(requests))


def _survived(requests: Iterable[Request]) -> Iterator[Request]:
    for request in requests:
        if HANGING in request.prompt.messages[-1].content:
            ctypes.PyDLL(None).sleep(FOR_EVER)
        yield request


def install() -> None:
    """Let it be the echo engine of this process."""
    setattr(factory, EchoEngine.__name__, HangingEngine)
