"""Answers in the shapes of OpenAI's endpoints: a chat completion, a completion, a response."""

from collections.abc import Mapping
from typing import Any

import orjson

from qwenq.schemas.results import FinishReason, Result
from qwenq.schemas.service.endpoints import Endpoint

_ECHOED: Mapping[str, Any] = {
    "instructions": None,
    "max_output_tokens": None,
    "metadata": {},
    "parallel_tool_calls": True,
    "previous_response_id": None,
    "prompt_cache_key": None,
    "reasoning": {"effort": None, "summary": None},
    "safety_identifier": None,
    "store": False,
    "temperature": None,
    "text": {"format": {"type": "text"}},
    "tool_choice": "auto",
    "tools": [],
    "top_logprobs": 0,
    "top_p": None,
    "truncation": "disabled",
    "user": None,
}
"""What a response repeats of its request, with what stands for it if the request does not say it."""


def answer_body(result: Result, digest: str, created: int, endpoint: Endpoint) -> dict[str, Any]:
    """The body of an answer. `digest` is what its ids end with, `created` in seconds since 1970.

    A response repeats fields of its request, if the result comes with its row.
    """
    match endpoint:
        case Endpoint.COMPLETIONS:
            return _completion(result, digest, created)
        case Endpoint.RESPONSES:
            return _response(result, digest, created)
    return _chat_completion(result, digest, created)


def _chat_completion(result: Result, digest: str, created: int) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": result.text, "refusal": None}
    if result.reasoning is not None:
        message["reasoning_content"] = result.reasoning
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": result.finish_reason.value}
    return {
        "id": f"chatcmpl-{digest}",
        "object": "chat.completion",
        "created": created,
        "model": result.model,
        "choices": [choice],
        "usage": _usage(result),
    }


def _completion(result: Result, digest: str, created: int) -> dict[str, Any]:
    choice = {"index": 0, "text": result.text, "logprobs": None, "finish_reason": result.finish_reason.value}
    if result.reasoning is not None:
        choice["reasoning_content"] = result.reasoning
    return {
        "id": f"cmpl-{digest}",
        "object": "text_completion",
        "created": created,
        "model": result.model,
        "choices": [choice],
        "usage": _usage(result),
    }


def _usage(result: Result) -> dict[str, Any]:
    usage = result.usage
    return {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.prompt_tokens + usage.completion_tokens,
        "prompt_tokens_details": {"cached_tokens": usage.prefix_tokens},
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
    }


def _response(result: Result, digest: str, created: int) -> dict[str, Any]:
    is_cut = result.finish_reason is FinishReason.LENGTH
    status, usage = "incomplete" if is_cut else "completed", result.usage
    return {
        "id": f"resp_{digest}",
        "object": "response",
        "created_at": created,
        "completed_at": None if is_cut else created,
        "status": status,
        "background": False,
        "error": None,
        "incomplete_details": {"reason": "max_output_tokens"} if is_cut else None,
        "model": result.model,
        "output": _items(result, digest, status),
        **_repeated(result.row),
        "usage": {
            "input_tokens": usage.prompt_tokens,
            "input_tokens_details": {"cached_tokens": usage.prefix_tokens, "cache_write_tokens": 0},
            "output_tokens": usage.completion_tokens,
            "output_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
            "total_tokens": usage.prompt_tokens + usage.completion_tokens,
        },
    }


def _items(result: Result, digest: str, status: str) -> list[dict[str, Any]]:
    """The reasoning, if there is one, and the message."""
    items: list[dict[str, Any]] = []
    if result.reasoning is not None:
        thought = {"type": "reasoning_text", "text": result.reasoning}
        items.append({"id": f"rs_{digest}", "type": "reasoning", "summary": [], "content": [thought]})
    said = {"type": "output_text", "text": result.text, "annotations": [], "logprobs": []}
    return [
        *items,
        {"id": f"msg_{digest}", "type": "message", "status": status, "role": "assistant", "content": [said]},
    ]


def _repeated(row: str | None) -> dict[str, Any]:
    body = {} if row is None else orjson.loads(row).get("body") or {}
    given = {name: body[name] for name in _ECHOED if body.get(name) is not None}
    return {**_ECHOED, **given}
