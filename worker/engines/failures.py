"""Requests that cannot be answered, and the completions that say so."""

from collections.abc import Sequence

from qwenq.schemas.errors import (
    DocumentFailed,
    EmptyPrompt,
    LimitTooHigh,
    NoAnswer,
    OwnLimitTooHigh,
    PromptTooLong,
)
from qwenq.schemas.prompts.messages import Message, is_blank
from qwenq.schemas.requests import Completion, Request
from qwenq.schemas.results import EmptyCause, Failure, FinishReason, Usage, empty_cause


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


def required(answer: Completion) -> Completion:
    """The same completion; one without text fails as NoAnswer, which says why."""
    cause = empty_cause(answer.text, answer.reasoning, answer.finish_reason)
    if answer.failure is not None or cause is None:
        return answer
    usage = answer.usage
    if cause is EmptyCause.REASONING_CUT:
        reason = (
            f"the reasoning was cut at {usage.completion_tokens} tokens; raise --max-new-tokens, also with "
            "`qwenq retry`, or set --thinking-budget"
        )
    elif cause is EmptyCause.REASONING_ENDED:
        reason = "the model ended with its reasoning; try another --seed or --sampling, or --no-thinking"
    elif answer.finish_reason is FinishReason.LENGTH:
        reason = f"{usage.completion_tokens} tokens gave no text; raise --max-new-tokens"
    else:
        reason = "the model gave no text; look at the document and the prompt"
    return failed_completion(answer.key, NoAnswer(reason=reason), usage.prompt_tokens, group=answer.group)


def refuse_blank(messages: Sequence[Message]) -> None:
    """Raise EmptyPrompt unless the user said more than white space; without the user, unless somebody did."""
    if is_blank(messages):
        raise EmptyPrompt


def no_room(
    request: Request, prompt_tokens: int, context: int
) -> PromptTooLong | OwnLimitTooHigh | LimitTooHigh:
    """The error for a prompt that does not fit with its answer: the row's own limit is the cause if less would fit."""
    most, room = request.params.max_new_tokens, context - prompt_tokens
    if request.own_limit and room > 0:
        return OwnLimitTooHigh(prompt_tokens=prompt_tokens, max_new_tokens=most, context=context, room=room)
    if most >= context:
        return LimitTooHigh(max_new_tokens=most, context=context)
    return PromptTooLong(prompt_tokens=prompt_tokens, max_new_tokens=most, context=context)
