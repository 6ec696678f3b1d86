"""The echo engine, reading ahead, with one document that kills its process: for workers of tests.

A process that finds this module in its `sitecustomize` has it for the model `echo`. Each death is noted first, with
the chunks that were in flight.
"""

import os
import queue
import signal
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path

from qwenq.schemas.requests import Completion, Request
from qwenq.worker.engines.echo import kind
from qwenq.worker.engines.echo.engine import EchoEngine

DEADLY = "deadly"
DEATHS_FILE = "DEADLY_ENGINE_DEATHS"
COMPANY_SECONDS = 2.0
"""How long a deadly document waits for another claim beside it."""


class DeadlyEngine(EchoEngine):
    """Reads ahead in a thread, and dies of a document with the word in it."""

    def generate(self, requests: Iterable[Request]) -> Iterator[Completion]:
        """Answer each request but the deadly one."""
        read: queue.Queue[Request | None] = queue.Queue()
        threading.Thread(target=_read, args=(requests, read), daemon=True).start()
        yield from super().generate(self._survived(read))

    def _survived(self, read: "queue.Queue[Request | None]") -> Iterator[Request]:
        while (request := read.get()) is not None:
            if DEADLY in request.prompt.messages[-1].content:
                _die(request, read)
            yield request


def _read(requests: Iterable[Request], read: "queue.Queue[Request | None]") -> None:
    for request in requests:
        read.put(request)
    read.put(None)


def _die(request: Request, read: "queue.Queue[Request | None]") -> None:
    groups = {request.group}
    try:
        while len(groups) == 1 and (other := read.get(timeout=COMPANY_SECONDS)) is not None:
            groups.add(other.group)
    except queue.Empty:
        pass
    with Path(os.environ[DEATHS_FILE]).open("a") as deaths:
        deaths.write(" ".join(map(str, sorted(groups))) + "\n")
    os.kill(os.getpid(), signal.SIGKILL)


def install() -> None:
    """Make it the echo engine of this process."""
    setattr(kind, EchoEngine.__name__, DeadlyEngine)
