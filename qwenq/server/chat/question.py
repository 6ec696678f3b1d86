"""What a request to `/v1/chat/completions` asks, refused by name where it cannot be honoured, as a batch's line is."""

import hashlib
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, cast

import orjson

from qwenq.exporting.blamed import param_of
from qwenq.producer.reading.rules import RowRules
from qwenq.producer.terms.sanitizing import Sanitized, sanitized_rows
from qwenq.schemas.documents import Document
from qwenq.schemas.errors import InvalidOverride, InvalidRow
from qwenq.schemas.generation import GenerationParams
from qwenq.schemas.jobs import PromptSpec
from qwenq.schemas.results import Failure
from qwenq.server.bodies import text_in, wrong_type
from qwenq.server.refusals import Refused

ROUTE = "/v1/chat/completions"
_OF_STREAM = frozenset({"stream", "stream_options"})


@dataclass(frozen=True, slots=True)
class Question:
    """One question: a document whose content is a line of a batch. `created` is in seconds since 1970.

    `is_streamed`: the answer comes as events, with `usage` in one of its own if `with_usage`.
    """

    id: str
    model: str
    document: Document
    created: int
    is_streamed: bool
    with_usage: bool

    @property
    def sha256(self) -> str:
        """SHA-256 of what was asked, in hexadecimal."""
        return hashlib.sha256(self.document.content.encode()).hexdigest()


def question_of(body: Mapping[str, Any]) -> Question:
    """Check a body, and make it a question. Raises Refused."""
    model = text_in(body, "model")
    if not model:
        raise Refused(400, "Invalid 'model': it is empty.", param="model", code="invalid_value")
    if body.get("messages") is None:
        message = "Missing required parameter: 'messages'."
        raise Refused(400, message, param="messages", code="missing_required_parameter")
    is_streamed, with_usage = _streaming(body)
    name = f"chatcmpl-{secrets.token_hex(12)}"
    asked = {key: value for key, value in body.items() if key not in _OF_STREAM}
    row = {"custom_id": name, "method": "POST", "url": ROUTE, "body": asked}
    try:
        RowRules(PromptSpec(), GenerationParams()).check(row)
    except (InvalidRow, InvalidOverride) as error:
        raise _refused(error) from None
    document = Document(name, 0, 1, orjson.dumps(row).decode())
    return Question(name, model, document, int(time.time()), is_streamed, with_usage)


def sanitized_question(question: Question) -> tuple[Question, Mapping[str, int]]:
    """The question without markup that could run in a browser, and how often each kind was taken out."""
    tally = Sanitized()
    [document] = sanitized_rows([question.document], tally)
    return replace(question, document=cast("Document", document)), tally.removed


def _streaming(body: Mapping[str, Any]) -> tuple[bool, bool]:
    """Whether the answer is streamed, and with its usage. Raises Refused."""
    stream, options = body.get("stream"), body.get("stream_options")
    if not isinstance(stream, bool | None):
        raise wrong_type("stream", "a boolean", stream)
    if not isinstance(options, dict | None):
        raise wrong_type("stream_options", "an object", options)
    if options is not None and not stream:
        message = "The 'stream_options' parameter is only allowed when 'stream' is enabled."
        raise Refused(400, message, param="stream_options", code="invalid_value")
    with_usage = (options or {}).get("include_usage")
    if not isinstance(with_usage, bool | None):
        raise wrong_type("stream_options.include_usage", "a boolean", with_usage)
    return bool(stream), bool(with_usage)


def _refused(error: InvalidRow | InvalidOverride) -> Refused:
    """The refusal for what is wrong with a line, without the line."""
    param = param_of(Failure(error.code, error.reason))
    code = "unsupported_parameter" if " is not supported" in error.reason else "invalid_value"
    return Refused(400, error.reason.removeprefix("body."), param=param, code=code)
