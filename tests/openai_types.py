"""What OpenAI's own client declares of a chat completion and of an error; other members are refused.

It is written down here, because the client has 30 MB and brings an HTTP client that nothing else needs.
"""

from typing import Literal

from pydantic import BaseModel, ConfigDict


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class _Message(_Strict):
    role: Literal["assistant"]
    content: str | None
    refusal: str | None
    # Of other servers. The client keeps members that it does not know.
    reasoning_content: str | None = None


class _Choice(_Strict):
    finish_reason: Literal["stop", "length", "tool_calls", "content_filter", "function_call"]
    index: int
    logprobs: None
    message: _Message


class _PromptDetails(_Strict):
    cached_tokens: int


class _CompletionDetails(_Strict):
    reasoning_tokens: int


class _Usage(_Strict):
    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    prompt_tokens_details: _PromptDetails
    completion_tokens_details: _CompletionDetails


class ChatCompletion(_Strict):
    """An answer."""

    id: str
    object: Literal["chat.completion"]
    created: int
    model: str
    choices: list[_Choice]
    usage: _Usage


class ErrorObject(_Strict):
    """A failure."""

    message: str
    type: str
    param: str | None
    code: str | None
