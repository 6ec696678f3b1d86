"""OpenAI's endpoints whose requests can be answered, and the requests of the two that are no chats, read as chats.

A request of `/v1/completions` is a bare text, which the model gets without its chat template. A request of
`/v1/responses` is a conversation under other names.
"""

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Any

from qwenq.schemas.errors import InvalidRow

COMPLETION_TOKENS = 16
"""How long a completion may be unless its request says so itself: OpenAI's."""
_READ = frozenset({"input", "instructions", "text"})
_WITHOUT_EFFECT = frozenset({"max_tool_calls", "background_options", "prompt_cache_options"})
_VERBOSITY = (None, "medium")
_AS_IT_IS = "the model gets a prompt of /v1/completions as it is, so write what opens the reasoning into it"


class Endpoint(StrEnum):
    """An endpoint, by its path."""

    CHAT = "/v1/chat/completions"
    COMPLETIONS = "/v1/completions"
    RESPONSES = "/v1/responses"

    @property
    def asked(self) -> str:
        """The field of a request with what is asked."""
        return {Endpoint.CHAT: "messages", Endpoint.COMPLETIONS: "prompt"}.get(self, "input")

    @property
    def limit(self) -> str:
        """The field of a request with the most tokens of an answer."""
        return "max_output_tokens" if self is Endpoint.RESPONSES else "max_tokens"

    @property
    def form(self) -> str:
        """The field of a request with the form of an answer."""
        return "text.format" if self is Endpoint.RESPONSES else "response_format"

    @property
    def words(self) -> str:
        """Its name in OpenAI's messages."""
        return {Endpoint.CHAT: "Chat Completions", Endpoint.COMPLETIONS: "Completions"}.get(self, "Responses")


def endpoint_of(url: object) -> Endpoint | None:
    """The endpoint of a URL; None if it is none of these.

    It may have a host, the name of a deployment, and a query such as `api-version`.
    """
    if not isinstance(url, str):
        return None
    if (exact := _BY_PATH.get(url)) is not None:
        return exact
    path = url.partition("#")[0].partition("?")[0].rstrip("/")
    return next((one for one in Endpoint if path.endswith(one.removeprefix("/v1"))), None)


_BY_PATH: Mapping[str, Endpoint] = {one.value: one for one in Endpoint}


def bare_prompt(fields: Mapping[str, Any]) -> str:
    """The text of a request for a completion. Raises InvalidRow."""
    given = fields.get("prompt")
    if isinstance(given, list) and len(given) == 1:
        [given] = given
    if isinstance(given, list) and given and all(isinstance(one, str) for one in given):
        raise InvalidRow(reason="prompt is an array of several texts; write a line for each")
    if not isinstance(given, str):
        raise InvalidRow(reason="prompt is missing or not text")
    return given


def completion_fields(fields: Mapping[str, Any]) -> Mapping[str, Any]:
    """The other fields of a request for a completion. Raises InvalidRow for those that only chats have."""
    for name in ("enable_thinking", "thinking_budget"):
        if fields.get(name):
            raise InvalidRow(reason=f"body.{name} is not supported; {_AS_IT_IS}")
    logprobs = fields.get("logprobs")  # 0 asks for those of the tokens that were chosen
    if logprobs is not None and logprobs is not False:
        raise InvalidRow(reason="body.logprobs is not supported; remove it")
    kept = {name: value for name, value in fields.items() if name != "prompt"}
    return kept if kept.get("max_tokens") is not None else {**kept, "max_tokens": COMPLETION_TOKENS}


def response_messages(fields: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """The messages of a request for a response, each with its place; its instructions come first. Raises InvalidRow.

    An earlier reasoning is left out: models do not see it again.
    """
    given, instructions = fields.get("input"), fields.get("instructions")
    if instructions is not None:
        if not isinstance(instructions, str):
            raise InvalidRow(reason="instructions is not text")
        yield "instructions", {"role": "system", "content": instructions}
    if isinstance(given, str):
        yield "input", {"role": "user", "content": given}
        return
    if not isinstance(given, list):
        raise InvalidRow(reason="input is missing, or neither text nor an array")
    for place, item in enumerate(given):
        kind = item.get("type") if isinstance(item, dict) else None
        if kind not in {None, "message", "reasoning"}:
            shown = kind[:40] if isinstance(kind, str) else "nameless"
            raise InvalidRow(reason=f"input[{place}].type is not supported ({shown}); only messages are")
        if kind != "reasoning":
            yield f"input[{place}]", item


def response_fields(fields: Mapping[str, Any]) -> Mapping[str, Any]:
    """The other fields of a request for a response, as a chat has them. Raises InvalidRow."""
    kept = {name: value for name, value in fields.items() if name not in _READ | _WITHOUT_EFFECT}
    if kept.get("truncation") == "disabled":
        del kept["truncation"]
    text = fields.get("text")
    if text is None:
        return kept
    if not isinstance(text, dict):
        raise InvalidRow(reason="text is not an object")
    for name, value in text.items():
        if (name == "verbosity" and value not in _VERBOSITY) or (
            name not in {"verbosity", "format"} and value
        ):
            raise InvalidRow(reason=f"body.text.{name[:40]} is not supported; remove it")
    form = text.get("format")
    if form is None:
        return kept
    if isinstance(form, dict) and form.get("type") == "json_schema":
        form = {
            "type": "json_schema",
            "json_schema": {name: one for name, one in form.items() if name != "type"},
        }
    return {**kept, "response_format": form}
