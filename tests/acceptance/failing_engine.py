"""The echo engine, but documents that contain FAULTY fail. For a worker that a test starts.

A process whose `sitecustomize` calls `install` uses it for the model `echo`.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from qwenq.schemas.errors import GenerationFailed
from qwenq.schemas.requests import Completion, Request
from qwenq.worker.engines.echo import kind
from qwenq.worker.engines.echo.engine import EchoEngine
from qwenq.worker.engines.failures import failed_completion

FAULTY = "faulty"


class FailingEngine(EchoEngine):
    """Answers every document except the faulty ones."""

    def generate(self, requests: Iterable[Request]) -> Iterator[Completion]:
        """Answer with the document itself, or with a failure."""
        for completion in super().generate(requests):
            if FAULTY in completion.text:
                error = GenerationFailed(reason="the device had a bad day")
                yield replace(failed_completion(completion.key, error), group=completion.group)
            else:
                yield completion


def install() -> None:
    """Replace the echo engine of this process."""
    setattr(kind, EchoEngine.__name__, FailingEngine)
