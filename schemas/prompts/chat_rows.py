"""Rows that hold a conversation: `{"messages": [...]}`, and the lines of OpenAI's Batch format."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from qwenq.schemas.errors import InvalidRow
from qwenq.schemas.prompts.messages import Message

BATCH_PATH = "/chat/completions"
_ROLES = {"system": "system", "developer": "system", "user": "user", "assistant": "assistant"}
_PARAMETERS = {
    "max_tokens": "max_new_tokens",
    "max_completion_tokens": "max_new_tokens",  # the newer name wins over max_tokens
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
# These do not change the answer. The job's model answers, whatever model the line names.
_WITHOUT_EFFECT = frozenset(
    {"messages", "model", "user", "metadata", "store", "service_tier", "safety_identifier"}
)
_HARMLESS: dict[str, Any] = {"n": 1, "tool_choice": "none"}


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
    """The index of the user's last message; every conversation has one."""
    return max(place for place, message in enumerate(messages) if message.role == "user")


def cut_last_of_user(messages: tuple[Message, ...], first: int, last: int | None) -> tuple[Message, ...]:
    """Keep only characters `first` to `last` of the user's last message; None is its end."""
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
    try:
        return ChatRow(conversation(messages))
    except InvalidRow:
        if as_columns:
            return None
        raise


def conversation(messages: object) -> tuple[Message, ...]:
    """Chat messages from their JSON: text only, at least one from the user. Raises InvalidRow."""
    if not isinstance(messages, list):
        raise InvalidRow(reason="messages is missing or not an array")
    said = tuple(_message(place, message) for place, message in enumerate(messages))
    if not any(message.role == "user" for message in said):
        raise InvalidRow(reason="messages holds no message from the user")
    return said


def _message(place: int, message: object) -> Message:
    if not isinstance(message, dict):
        raise InvalidRow(reason=f"messages[{place}] is not an object")
    role = message.get("role")
    known = _ROLES.get(role) if isinstance(role, str) else None
    if known is None:
        wanted = "system, developer, user or assistant"
        raise InvalidRow(reason=f"messages[{place}].role is not {wanted}")
    for name in ("tool_calls", "function_call", "audio"):
        if message.get(name):
            raise InvalidRow(reason=f"messages[{place}].{name} is not supported; text only")
    return Message(known, _text(place, message.get("content")))


def _text(place: int, content: object) -> str:
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        raise InvalidRow(reason=f"messages[{place}].content is not text")
    texts = []
    for part in content:
        if not isinstance(part, dict) or part.get("type") != "text":
            kind = part.get("type") if isinstance(part, dict) else None
            shown = kind[:40] if isinstance(kind, str) else "nameless"
            reason = f"messages[{place}].content has a part that is not text ({shown})"
            raise InvalidRow(reason=reason)
        if not isinstance(part.get("text"), str):
            raise InvalidRow(reason=f"messages[{place}].content has a text part without text")
        texts.append(part["text"])
    return "".join(texts)


def _batch_line(row: Mapping[str, Any], body: dict[str, Any]) -> ChatRow:
    method, url = row.get("method"), row.get("url")
    if method not in (None, "POST"):
        raise InvalidRow(reason="method is not POST")
    if url is not None and not (isinstance(url, str) and url.endswith(BATCH_PATH)):
        raise InvalidRow(reason=f"url does not end in {BATCH_PATH}; only chats can be answered")
    messages = conversation(body.get("messages"))
    overrides: dict[str, Any] = {}
    names: dict[str, str] = {}
    for name, value in _body_fields(body).items():
        if name in _WITHOUT_EFFECT or value is None:
            continue
        if name in _PARAMETERS:
            own = _PARAMETERS[name]
            if name != "max_tokens" or body.get("max_completion_tokens") is None:
                overrides[own], names[own] = value, name
        elif not _is_harmless(name, value):
            raise InvalidRow(reason=f"body.{name[:40]} is not supported; remove it")
    return ChatRow(messages, overrides, names)


def _body_fields(body: dict[str, Any]) -> dict[str, Any]:
    """The fields of a body, and those of its `chat_template_kwargs`, as Qwen's servers read them."""
    arguments = body.get("chat_template_kwargs")
    if not isinstance(arguments, dict):
        return body
    return {name: value for name, value in body.items() if name != "chat_template_kwargs"} | arguments


def _is_harmless(name: str, value: object) -> bool:
    """Whether a field asks for nothing: it has its neutral value, or is false, 0 or empty."""
    if name in _HARMLESS:
        return bool(value == _HARMLESS[name])
    return not value
