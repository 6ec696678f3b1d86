"""Rows that hold a conversation: `{"messages": [...]}`, and the lines of OpenAI's Batch format."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from qwenq.schemas.errors import InvalidRow
from qwenq.schemas.prompts.messages import BARE, Message
from qwenq.schemas.prompts.row_parameters import OF_RESPONSES, is_parameter, laid_over, own_parameters
from qwenq.schemas.service.endpoints import (
    Endpoint,
    bare_prompt,
    completion_fields,
    endpoint_of,
    response_fields,
    response_messages,
)

_ROLE_AND_CONTENT = frozenset({"role", "content"})
_TEXTS = frozenset({"text", "input_text", "output_text"})
"""Types of parts that are text: those of chats and, in OpenAI's newer API, of what goes in and comes out."""
_ROLES = {"system": "system", "developer": "system", "user": "user", "assistant": "assistant"}

_OF_LANGCHAIN = ("human", "ai")


@dataclass(frozen=True, slots=True)
class ChatRow:
    """A row's conversation, and its own generation parameters.

    `overrides` uses the names of GenerationParams; `names` maps these to the names in the row.
    """

    messages: tuple[Message, ...]
    overrides: Mapping[str, Any] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_bare(self) -> bool:
        """Whether it is no conversation, but a text that the model gets as it is."""
        return self.messages[0].role == BARE

    @property
    def system(self) -> tuple[Message, ...]:
        """The row's own system messages."""
        return tuple(message for message in self.messages if message.role == "system")


def last_of_user(messages: tuple[Message, ...]) -> int:
    """The index of the user's last message; of the last message if none is from the user."""
    places = (place for place, message in enumerate(messages) if message.asks)
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
    is_request = not as_columns or "model" in row
    if is_request:
        fields = laid_over({name: value for name, value in row.items() if is_parameter(name)})
        own = own_parameters(fields, "")
    else:
        own = {}, {}
    try:
        return ChatRow(_with_system(row, messages) if is_request else conversation(messages), *own)
    except InvalidRow:
        if as_columns:
            return None
        raise


def conversation(messages: object) -> tuple[Message, ...]:
    """Chat messages from their JSON: text only, at least one from the user or the system. Raises InvalidRow."""
    if not isinstance(messages, list):
        raise InvalidRow(reason="messages is missing or not an array")
    return _said("messages", ((f"messages[{place}]", message) for place, message in enumerate(messages)))


def _said(name: str, messages: Iterable[tuple[str, object]]) -> tuple[Message, ...]:
    """Messages from their JSON, each with its place. `name` is the field that holds them. Raises InvalidRow."""
    said = tuple(_message(place, message) for place, message in messages)
    if not any(message.role != "assistant" for message in said):
        raise InvalidRow(reason=f"{name} holds no message from the user" if said else f"{name} is empty")
    return said


def _with_system(request: Mapping[str, Any], messages: object) -> tuple[Message, ...]:
    """The conversation of a request, with a system message that stands beside it, as Anthropic and others write it."""
    system, said = request.get("system"), conversation(messages)
    if not system:
        return said
    if any(message.role == "system" for message in said):
        reason = "there is a system message in messages, and another in system; write one of them"
        raise InvalidRow(reason=reason)
    return (Message("system", _joined(system, "system")), *said)


def _message(place: str, message: object) -> Message:
    if not isinstance(message, dict):
        raise InvalidRow(reason=f"{place} is not an object")
    role = message.get("role")
    known = _ROLES.get(role) if isinstance(role, str) else None
    if known is None:
        raise InvalidRow(reason=_no_role(place, message))
    if message.keys() != _ROLE_AND_CONTENT:
        _check_more(place, message)
    return Message(known, _joined(message.get("content"), f"{place}.content"))


def _no_role(place: str, message: Mapping[str, Any]) -> str:
    wanted = "system, developer, user or assistant"
    role = message.get("role")
    if "role" in message:
        shown = repr(role[:20]) if isinstance(role, str) else "no text"
        reason = f"{place}.role is {shown}, not {wanted}"
    else:
        reason = f"{place} has no role; it must be {wanted}"
    if "lc" in message or message.get("type") in _OF_LANGCHAIN or role in _OF_LANGCHAIN:
        reason += "; it is a message of LangChain: write it with convert_to_openai_messages"
    return reason


def _check_more(place: str, message: Mapping[str, Any]) -> None:
    """Raise InvalidRow for what a message asks for beside its text."""
    for name in ("tool_calls", "function_call", "audio"):
        if message.get(name):
            raise InvalidRow(reason=f"{place}.{name} is not supported; text only")
    for name in ("prefix", "partial"):
        if message.get(name) is True:
            reason = f"{place}.{name} is not supported: no answer goes on with a message; remove it"
            raise InvalidRow(reason=reason)


def _joined(content: object, place: str) -> str:
    """A text, or parts of text, which are joined by line ends. Raises InvalidRow."""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        raise InvalidRow(reason=f"{place} is not text")
    texts = []
    for part in content:
        if isinstance(part, str):
            texts.append(part)
            continue
        kind = part.get("type") if isinstance(part, dict) else None
        if not (isinstance(part, dict) and isinstance(kind, str) and kind in _TEXTS):
            shown = kind[:40] if isinstance(kind, str) else "nameless"
            reason = f"{place} has a part that is not text ({shown})"
            raise InvalidRow(reason=reason)
        if not isinstance(part.get("text"), str):
            raise InvalidRow(reason=f"{place} has a text part without text")
        texts.append(part["text"])
    return "\n".join(texts)


def _batch_line(row: Mapping[str, Any], body: dict[str, Any]) -> ChatRow:
    method, url = row.get("method"), row.get("url")
    if method is not None and not (isinstance(method, str) and method.upper() == "POST"):
        raise InvalidRow(reason="method is not POST")
    endpoint = Endpoint.CHAT if url is None else endpoint_of(url)
    fields = laid_over(body)
    if endpoint is Endpoint.CHAT:
        if "messages" not in fields:
            raise InvalidRow(reason=_no_chat(fields))
        beside = {name: value for name, value in fields.items() if name != "system"}
        return ChatRow(_with_system(fields, fields["messages"]), *own_parameters(beside, "body."))
    if endpoint is Endpoint.COMPLETIONS:
        own = own_parameters(completion_fields(fields), "body.")
        return ChatRow((Message(BARE, bare_prompt(fields)),), *own)
    if endpoint is Endpoint.RESPONSES:
        return _response(fields)
    known = ", ".join(one.removeprefix("/v1") for one in Endpoint)
    raise InvalidRow(reason=f"url does not end in one of {known}; only these can be answered")


def _response(fields: Mapping[str, Any]) -> ChatRow:
    said = _said("input", response_messages(fields))
    own, names = own_parameters(response_fields(fields), "body.", OF_RESPONSES)
    if fields.get("text") is not None and "response_format" in names:
        names["response_format"] = Endpoint.RESPONSES.form
    return ChatRow(said, own, names)


def _no_chat(fields: Mapping[str, Any]) -> str:
    """Say why a body without messages is no chat."""
    other = next((name for name in ("input", "prompt", "contents") if name in fields), None)
    if other is None:
        return "messages is missing or not an array"
    return (
        f"messages is missing; the body has {other!r}, which chats do not have: write it as messages, or give the url "
        "of another endpoint"
    )
