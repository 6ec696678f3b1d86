"""Chat messages, and prompts made of them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

BARE = "text"
"""The role of a text that the model gets as it is, without its chat template. It stands alone."""


@dataclass(frozen=True, slots=True)
class Message:
    """One chat message; `role` is system, user or assistant, or BARE."""

    role: str
    content: str

    @property
    def asks(self) -> bool:
        """Whether the user says it."""
        return self.role in {"user", BARE}


def is_blank(messages: Sequence[Message]) -> bool:
    """Whether the user said only white space; without the user, whether everybody did."""
    asked = [message for message in messages if message.asks] or messages
    return all(not message.content or message.content.isspace() for message in asked)


@dataclass(frozen=True, slots=True)
class DocumentInPrompt:
    """A document's text and the conversation around it, with its `system` messages.

    `between(first, last)` renders the conversation with only those characters of the text; None is its end.
    """

    text: str
    system: tuple[Message, ...]
    between: Callable[[int, int | None], tuple[Message, ...]]


@dataclass(frozen=True, slots=True)
class Prompt:
    """A rendered conversation that can shorten the document inside it.

    `document_chars` is the length of the document's text; `shortened(n)` renders the conversation with its first n
    characters.
    """

    messages: tuple[Message, ...]
    document_chars: int
    shortened: Callable[[int], tuple[Message, ...]]

    @classmethod
    def whole(cls, messages: tuple[Message, ...]) -> "Prompt":
        """A conversation without a document to shorten."""
        return cls(messages, 0, lambda _chars: messages)
