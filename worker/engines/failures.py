"""Requests that cannot be answered, and the completions that say so."""

from collections.abc import Iterable

from qwenq.schemas.errors import DocumentFailed, EmptyPrompt
from qwenq.schemas.prompts.messages import Message
from qwenq.schemas.requests import Completion
from qwenq.schemas.results import Failure, FinishReason, Usage


def failed_completion(
    key: int, error: DocumentFailed, prompt_tokens: int = 0, *, group: int = 0
) -> Completion:
    """Make the completion of a request that has no answer."""
    return Completion(
        key=key,
        text="",
        finish_reason=FinishReason.ERROR,
        usage=Usage(prompt_tokens=prompt_tokens),
        failure=Failure(code=error.code, message=str(error)),
        group=group,
    )


def refuse_blank(messages: Iterable[Message]) -> None:
    """Raise EmptyPrompt unless a user message has more than whitespace."""
    for message in messages:
        if message.role == "user" and message.content and not message.content.isspace():
            return
    raise EmptyPrompt
