"""From a document's columns to the chat messages that the model sees."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Message:
    """One chat message; `role` is system, user or assistant."""

    role: str
    content: str


@dataclass(frozen=True, slots=True)
class DocumentInPrompt:
    """A document's own text, and the conversation around it, which has the `system` messages.

    `between(first, last)` renders the conversation with those characters of the text and no others; None is its end.
    """

    text: str
    system: tuple[Message, ...]
    between: Callable[[int, int | None], tuple[Message, ...]]


@dataclass(frozen=True, slots=True)
class Prompt:
    """A rendered conversation that knows how to shorten the document inside it, and nothing else.

    `document_chars` is the length of the document's own text; `shortened(n)` renders the conversation again
    with the first n characters of it.
    """

    messages: tuple[Message, ...]
    document_chars: int
    shortened: Callable[[int], tuple[Message, ...]]

    @classmethod
    def whole(cls, messages: tuple[Message, ...]) -> "Prompt":
        """A conversation without a document that could be shortened."""
        return cls(messages, 0, lambda _chars: messages)
