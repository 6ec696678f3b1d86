"""Requests as a worker makes them, from a line of text."""

from typing import Any

from qwenq.schemas.generation import GenerationParams
from qwenq.schemas.prompts.messages import Message, Prompt
from qwenq.schemas.requests import Request

INSTRUCTION = "Summarise: "


def ask(text: str, key: int = 0, *, instruction: str = INSTRUCTION, group: int = 0, **params: Any) -> Request:
    """Ask about a document; only `text` may be shortened."""

    def messages(chars: int) -> tuple[Message, ...]:
        return (Message("system", "Be brief."), Message("user", instruction + text[:chars]))

    prompt = Prompt(messages(len(text)), len(text), messages)
    return Request(key, prompt, GenerationParams(**params), group)


def ask_plainly(text: str, key: int = 0, **params: Any) -> Request:
    """Ask with the document as the only message."""
    prompt = Prompt((Message("user", text),), len(text), lambda n: (Message("user", text[:n]),))
    return Request(key, prompt, GenerationParams(**params))
