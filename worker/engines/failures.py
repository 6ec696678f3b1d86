"""Requests that cannot be answered, and the completions that say so."""

from collections.abc import Sequence

from qwenq.schemas.errors import DocumentFailed, EmptyPrompt, OwnLimitTooHigh, PromptTooLong
from qwenq.schemas.prompts.messages import Message, is_blank
from qwenq.schemas.requests import Completion, Request
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


def refuse_blank(messages: Sequence[Message]) -> None:
    """Raise EmptyPrompt unless the user said more than white space; without the user, unless somebody did."""
    if is_blank(messages):
        raise EmptyPrompt


def no_room(request: Request, prompt_tokens: int, context: int) -> PromptTooLong | OwnLimitTooHigh:
    """The error for a prompt that does not fit with its answer: the row's own limit is the cause if less would fit."""
    most, room = request.params.max_new_tokens, context - prompt_tokens
    if request.own_limit and room > 0:
        return OwnLimitTooHigh(prompt_tokens=prompt_tokens, max_new_tokens=most, context=context, room=room)
    return PromptTooLong(prompt_tokens=prompt_tokens, max_new_tokens=most, context=context)
