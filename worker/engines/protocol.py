"""What every engine can do."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Protocol

from qwenq.schemas.prompts.messages import Message
from qwenq.schemas.requests import Completion, ModelInfo, Request


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

    def close(self) -> None:
        """Let the model and its memory go."""
        ...
