"""What every engine can do."""

from collections.abc import Iterable, Iterator
from typing import Protocol

from schemas.requests import Completion, ModelInfo, Request


class Engine(Protocol):
    """Keeps one model resident and answers requests with it."""

    def load(self) -> ModelInfo:
        """Make the model resident. Raises ModelUnavailable."""
        ...

    def generate(self, requests: Iterable[Request]) -> Iterator[Completion]:
        """Answer each request; completions come as each finishes, in any order."""
        ...

    def close(self) -> None:
        """Let the model and its memory go."""
        ...
