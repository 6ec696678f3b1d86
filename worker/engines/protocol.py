"""What every engine does."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from qwenq.schemas.prompts.messages import Message
from qwenq.schemas.requests import Completion, ModelInfo, Request


@dataclass(frozen=True, slots=True)
class EngineDescription:
    """How a loaded engine works, for logs, tests and benchmarks.

    `way` is how documents go through the model, `kernel` what computes it. The engine holds at most `rows` documents
    and `tokens` tokens at once; `tokens` is None for an engine that holds none, and shrinks when memory runs out.
    `replays_graphs` says whether decode steps are replayed as CUDA graphs; `graphs` counts those recorded now.
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
        """Answer requests. Each completion comes as its request finishes, in any order.

        The engine reads `requests` ahead, maybe in another thread. `requests` may block while others are being
        answered. Its exceptions pass through.
        """
        ...

    def prompt_tokens(self, messages: Sequence[Message], *, thinking: bool) -> int:
        """Count a prompt's tokens, as the model gets them. Only the thread that reads `requests` may call it.

        Raises DocumentFailed.
        """
        ...

    def withdraw(self, group: int) -> None:
        """Drop the group's requests; they get no completions. Only `on_step` may call it."""
        ...

    def withdraw_waiting(self, group: int, first: int = 0) -> Collection[int]:
        """Drop the group's requests that are not being answered yet, and admit no more. Only `on_step` may call it.

        Keys below `first` stay. Returns the keys of those that are being answered.
        """
        ...

    def hurry(self) -> None:
        """Read on now, however much waits: an urgent request comes next. Any thread may call it."""
        ...

    def waiting(self) -> int:
        """Count the requests that were read and are not being answered yet. Any thread may call it."""
        ...

    def describe(self) -> EngineDescription:
        """Say how the engine works. Raises ModelUnavailable before `load`."""
        ...
