"""What every engine can do."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from qwenq.schemas.prompts.messages import Message
from qwenq.schemas.requests import Completion, ModelInfo, Request


@dataclass(frozen=True, slots=True)
class EngineDescription:
    """How a loaded engine works, for logs, tests and benchmarks.

    `way` is how documents go through the model, `kernel` what computes it. At most `rows` documents and `tokens` tokens
    are held at once; `tokens` is None for an engine that holds none, and shrinks after too little memory.
    `replays_graphs`: decode steps are replayed as CUDA graphs, of which `graphs` are recorded now.
    """

    way: str
    kernel: str
    device: str
    dtype: str
    rows: int
    tokens: int | None = None
    replays_graphs: bool = False
    graphs: int = 0

    def __str__(self) -> str:
        graphs = ", decode steps replayed as CUDA graphs" if self.replays_graphs else ""
        return f"{self.way}, computed by {self.kernel}{graphs}"


class Engine(Protocol):
    """Keeps one model resident and answers requests with it."""

    def load(self) -> ModelInfo:
        """Make the model resident. Raises ModelUnavailable."""
        ...

    def generate(self, requests: Iterable[Request]) -> Iterator[Completion]:
        """Answer each request; completions come as each finishes, in any order.

        `requests` is read ahead, in a thread of its own where that saves time; it may block while other
        requests are being answered, and what it raises passes through.
        """
        ...

    def prompt_tokens(self, messages: Sequence[Message], *, thinking: bool) -> int:
        """Count the tokens of a prompt, as the model will see it. For the thread that reads `requests`.

        Raises DocumentFailed.
        """
        ...

    def withdraw(self, group: int) -> None:
        """Let the group's requests go, from within `on_step`: they get no completion any more."""
        ...

    def withdraw_waiting(self, group: int) -> Collection[int]:
        """Let the group's requests go that are not being answered yet, from within `on_step`.

        Returns the keys of those that are; nothing more of the group is taken in.
        """
        ...

    def describe(self) -> EngineDescription:
        """Say how the engine works, now that its model is loaded. Raises ModelUnavailable before."""
        ...
