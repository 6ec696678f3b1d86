"""Rows that hold a conversation: `{"messages": [...]}`, and the lines of OpenAI's Batch format."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from qwenq.schemas.errors import InvalidRow
from qwenq.schemas.prompts.messages import Message

BATCH_PATH = "/chat/completions"
_ROLE_AND_CONTENT = frozenset({"role", "content"})
_TEXTS = frozenset({"text", "input_text", "output_text"})
"""Types of parts that are text: those of chats and, in OpenAI's newer API, of what goes in and comes out."""
_ROLES = {"system": "system", "developer": "system", "user": "user", "assistant": "assistant"}
PARAMETERS = {
    "max_tokens": "max_new_tokens",
    "max_completion_tokens": "max_new_tokens",  # the newer name wins over max_tokens
    "sampling": "sampling",
    "temperature": "temperature",
    "top_p": "top_p",
    "top_k": "top_k",
    "min_p": "min_p",
    "repetition_penalty": "repetition_penalty",
    "presence_penalty": "presence_penalty",
    "frequency_penalty": "frequency_penalty",
    "stop": "stop",
    "seed": "seed",
    "enable_thinking": "thinking",
    "thinking_budget": "thinking_budget",
    "response_format": "response_format",
}
"""The names of servers, and those of GenerationParams."""
_WITHOUT_EFFECT = frozenset(
    {
        "messages", "model", "user", "metadata", "store", "service_tier", "safety_identifier", "prompt_cache_key",
        "prompt_cache_retention", "prediction", "parallel_tool_calls", "stream_options", "priority", "request_id",
        "cache_salt", "extra_headers", "extra_query", "timeout", "custom_llm_provider",
        # What LiteLLM and Azure's clients say about the way to a server.
        "api_key", "api_base", "base_url", "api_version", "deployment_id", "organization", "max_retries", "num_retries",
        "request_timeout", "drop_params", "additional_drop_params", "allowed_openai_params", "caching", "fallbacks",
        "litellm_metadata", "litellm_call_id", "user_security_context",
    }
)  # fmt: skip
"""These do not change the answer. The job's model answers, whatever model the line names."""
_NEUTRAL: dict[str, tuple[Any, ...]] = {
    "n": (1,),
    "best_of": (1,),
    "num_beams": (1,),
    "length_penalty": (1, 0),
    "early_stopping": (False, True),
    "typical_p": (1,),
    "modalities": (["text"], []),
    "verbosity": ("medium",),
    "skip_special_tokens": (True,),
    "spaces_between_special_tokens": (True,),
    "add_generation_prompt": (True,),
    "detokenize": (True,),
    "include_reasoning": (True,),
    "separate_reasoning": (True,),
    "web_search_options": (),
    "prompt_logprobs": (),
    "do_sample": (),
    "echo": (False,),
}
"""What asks for nothing, also where it is not null. Any other field must be null, false, 0 or empty."""
_KNOWN = frozenset(
    {
        "tools", "tool_choice", "functions", "function_call", "stream", "logprobs", "top_logprobs", "logit_bias",
        "audio", "reasoning_effort", "chat_template", "chat_template_kwargs", "extra_body", "min_tokens",
        "stop_token_ids", "ignore_eos", "bad_words", "allowed_token_ids", "guided_json", "guided_regex",
        "guided_choice", "guided_grammar", "structured_outputs", "use_beam_search", "truncate_prompt_tokens",
        "include_stop_str_in_output", "continue_final_message", "add_special_tokens", "thinking", "reasoning",
        "max_output_tokens", "max_new_tokens", "guided_whitespace_pattern", "ebnf", "data_sources",
    }
)  # fmt: skip
_OF_THINKING = frozenset({"reasoning_effort", "reasoning", "thinking"})
_AS_FORMAT = "write response_format with a JSON schema instead"
_AS_THINKING = "write enable_thinking and thinking_budget instead"
_AS_LIMIT = "write max_tokens instead"
_ADVICE = {
    "n": "write the line as often as you want answers",
    "stream": "write false, or remove it",
    "reasoning_effort": 'write "none", or enable_thinking and thinking_budget instead',
    "reasoning": _AS_THINKING,
    "thinking": _AS_THINKING,
    "max_output_tokens": _AS_LIMIT,
    "max_new_tokens": _AS_LIMIT,
    "guided_json": _AS_FORMAT,
    "guided_choice": f"{_AS_FORMAT}, such as an enum",
    "structured_outputs": _AS_FORMAT,
    "stop_token_ids": "write their texts as stop",
    "do_sample": 'write "temperature": 0 for false, and a temperature for true',
    "tools": 'remove them, or write "tool_choice": "none"',
    "functions": 'remove them, or write "function_call": "none"',
}


@dataclass(frozen=True, slots=True)
class ChatRow:
    """A row's conversation, and its own generation parameters.

    `overrides` uses the names of GenerationParams; `names` maps these to the names in the row.
    """

    messages: tuple[Message, ...]
    overrides: Mapping[str, Any] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)

    @property
    def system(self) -> tuple[Message, ...]:
        """The row's own system messages."""
        return tuple(message for message in self.messages if message.role == "system")


def last_of_user(messages: tuple[Message, ...]) -> int:
    """The index of the user's last message; of the last message if none is from the user."""
    places = (place for place, message in enumerate(messages) if message.role == "user")
    return max(places, default=len(messages) - 1)


def cut_last_of_user(messages: tuple[Message, ...], first: int, last: int | None) -> tuple[Message, ...]:
    """Keep only characters `first` to `last` of the message of `last_of_user`; None is its end."""
    place = last_of_user(messages)
    cut = replace(messages[place], content=messages[place].content[first:last])
    return (*messages[:place], cut, *messages[place + 1 :])


def chat_row(row: Mapping[str, Any], *, as_columns: bool = False) -> ChatRow | None:
    """The conversation in a row; None for a row of plain columns. Raises InvalidRow.

    `as_columns`: a template reads the row, so `messages` may be any column, and an invalid conversation is no error. A
    batch line must be valid in any case.
    """
    body = row.get("body")
    if isinstance(body, dict) and ("messages" in body or "custom_id" in row):
        return _batch_line(row, body)
    messages = row.get("messages")
    if not isinstance(messages, list):
        return None
    # A template may read `temperature` as any other column; a line that names a model is a request in any case.
    if not as_columns or "model" in row:
        fields = laid_over({name: value for name, value in row.items() if is_parameter(name)})
        own = own_parameters(fields, "")
    else:
        own = {}, {}
    try:
        return ChatRow(conversation(messages), *own)
    except InvalidRow:
        if as_columns:
            return None
        raise


def conversation(messages: object) -> tuple[Message, ...]:
    """Chat messages from their JSON: text only, at least one from the user or the system. Raises InvalidRow."""
    if not isinstance(messages, list):
        raise InvalidRow(reason="messages is missing or not an array")
    said = tuple(_message(place, message) for place, message in enumerate(messages))
    if not any(message.role != "assistant" for message in said):
        raise InvalidRow(reason="messages holds no message from the user" if said else "messages is empty")
    return said


def _message(place: int, message: object) -> Message:
    if not isinstance(message, dict):
        raise InvalidRow(reason=f"messages[{place}] is not an object")
    role = message.get("role")
    known = _ROLES.get(role) if isinstance(role, str) else None
    if known is None:
        wanted = "system, developer, user or assistant"
        raise InvalidRow(reason=f"messages[{place}].role is not {wanted}")
    if message.keys() != _ROLE_AND_CONTENT:
        _check_more(place, message)
    return Message(known, _text(place, message.get("content")))


def _check_more(place: int, message: Mapping[str, Any]) -> None:
    """Raise InvalidRow for what a message asks for beside its text."""
    for name in ("tool_calls", "function_call", "audio"):
        if message.get(name):
            raise InvalidRow(reason=f"messages[{place}].{name} is not supported; text only")
    for name in ("prefix", "partial"):
        if message.get(name) is True:
            reason = f"messages[{place}].{name} is not supported: no answer goes on with a message; remove it"
            raise InvalidRow(reason=reason)


def _text(place: int, content: object) -> str:
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        raise InvalidRow(reason=f"messages[{place}].content is not text")
    texts = []
    for part in content:
        if isinstance(part, str):
            texts.append(part)
            continue
        kind = part.get("type") if isinstance(part, dict) else None
        if not (isinstance(part, dict) and isinstance(kind, str) and kind in _TEXTS):
            shown = kind[:40] if isinstance(kind, str) else "nameless"
            reason = f"messages[{place}].content has a part that is not text ({shown})"
            raise InvalidRow(reason=reason)
        if not isinstance(part.get("text"), str):
            raise InvalidRow(reason=f"messages[{place}].content has a text part without text")
        texts.append(part["text"])
    return "\n".join(texts)


def _batch_line(row: Mapping[str, Any], body: dict[str, Any]) -> ChatRow:
    method, url = row.get("method"), row.get("url")
    if method is not None and not (isinstance(method, str) and method.upper() == "POST"):
        raise InvalidRow(reason="method is not POST")
    if url is not None and not (isinstance(url, str) and _is_of_chats(url)):
        raise InvalidRow(reason=f"url does not end in {BATCH_PATH}; only chats can be answered")
    fields = laid_over(body)
    if "messages" not in fields:
        raise InvalidRow(reason=_no_chat(fields))
    messages = conversation(fields["messages"])
    return ChatRow(messages, *own_parameters(fields, "body."))


def _is_of_chats(url: str) -> bool:
    """Whether a URL is of chats. It may have a host, the name of a deployment, and a query such as `api-version`."""
    return url.partition("#")[0].partition("?")[0].rstrip("/").endswith(BATCH_PATH)


def _no_chat(fields: Mapping[str, Any]) -> str:
    """Say why a body without messages is no chat."""
    other = next((name for name in ("input", "prompt", "contents") if name in fields), None)
    if other is None:
        return "messages is missing or not an array"
    return (
        f"messages is missing; the body has {other!r}, but only chats can be answered: write it as messages"
    )


def is_parameter(name: str) -> bool:
    """Whether a field is a known parameter of chat requests, supported or not."""
    return name in PARAMETERS or name in _NEUTRAL or name in _KNOWN


def laid_over(request: Mapping[str, Any]) -> Mapping[str, Any]:
    """The fields of a request with those of its `extra_body`, which win, and of its `chat_template_kwargs`."""
    fields = request
    for name in ("extra_body", "chat_template_kwargs"):
        more = fields.get(name)
        if isinstance(more, dict):
            fields = {own: value for own, value in fields.items() if own != name} | more
    return fields


def own_parameters(fields: Mapping[str, Any], shown: str) -> tuple[dict[str, Any], dict[str, str]]:
    """The generation parameters in a request's fields, and the name that each has there.

    `shown` stands before a field's name in messages. Raises InvalidRow for a field that cannot be honoured.
    """
    parameters: dict[str, Any] = {}
    names: dict[str, str] = {}
    for name, value in fields.items():
        if value is None or name in _WITHOUT_EFFECT:
            continue
        if name in _OF_THINKING and (said := _of_thinking(name, value)) is not None:
            parameters = said | parameters
            names = dict.fromkeys(said, name) | names
        elif name in PARAMETERS:
            own = PARAMETERS[name]
            if name != "max_tokens" or fields.get("max_completion_tokens") is None:
                parameters[own], names[own] = _translated(name, value), name
        elif not _asks_for_nothing(name, value, fields):
            advice = _ADVICE.get(name, "remove it")
            raise InvalidRow(reason=f"{shown}{name[:40]} is not supported; {advice}")
    return parameters, names


def _of_thinking(name: str, value: Any) -> dict[str, Any] | None:
    """What OpenAI's, OpenRouter's and Anthropic's ways to say it mean for thinking; None for what is not sure."""
    match name, value:
        case (
            ("reasoning_effort", "none")
            | ("reasoning", {"effort": "none"})
            | ("reasoning", {"enabled": False})
        ):
            return {"thinking": False}
        case "thinking", {"type": "disabled"}:
            return {"thinking": False}
        case "thinking", {"type": "enabled", **more} if more.keys() <= {"budget_tokens"}:
            budget = more.get("budget_tokens")
            return {"thinking": True} | ({} if budget is None else {"thinking_budget": budget})
    return None


def _translated(name: str, value: Any) -> Any:
    """Every token is kept with a `top_k` of -1 on other servers, and of 0 here."""
    return 0 if name == "top_k" and type(value) is int and value == -1 else value


def _asks_for_nothing(name: str, value: Any, fields: Mapping[str, Any]) -> bool:
    """Whether a field has its neutral value; of an unknown one that is false, 0 or empty."""
    match name:
        case "tool_choice" | "function_call":
            called = "tools" if name == "tool_choice" else "functions"
            return value == "none" or (value == "auto" and not fields.get(called))
        case "tools":
            return not value or fields.get("tool_choice") == "none"
        case "functions":
            return not value or fields.get("function_call") == "none"
    if name in _NEUTRAL:
        return any(
            value == one and isinstance(value, bool) == isinstance(one, bool) for one in _NEUTRAL[name]
        )
    return not value
