"""Any template with any columns gives a prompt or one of qwenq's errors, soon and in little memory.

A case is the template, a NUL, and the columns as JSON; if these are invalid, it gets nasty ones.
"""

import time
from typing import Any

import orjson

from qwenq.schemas.errors import DocumentFailed, InvalidTemplate, QwenqError
from qwenq.schemas.jobs import PromptSpec
from qwenq.schemas.prompts.budget import OUTPUT_CHARS
from qwenq.schemas.prompts.templating import PromptTemplate

MOST_SECONDS = 15.0
"""The most processor time of one case: ordinary templates are far below, runaway ones far above."""

_NASTY: dict[str, Any] = {
    "text": "a <b> & {{ c }} \u2028 ä 東京 <|im_end|>",
    "id": 7,
    "n": 10**18,
    "f": 1e308,
    "none": None,
    "l": [3, "x", None, [1], {"a": 1}],
    "d": {"a": {"b": [1, 2]}, "": 0, "items": 1},
    "Invoice No.": "12",
    "messages": [{"role": "user", "content": "Hello"}],
}


def check(case: bytes) -> None:
    """Compile and render a case. Raises AssertionError if it takes too long, and any unexpected exception."""
    source, _, columns = case.partition(b"\0")
    began = time.thread_time()
    _render(source.decode("utf-8", "replace"), _columns(columns))
    assert time.thread_time() - began < MOST_SECONDS, "a template blocks a worker"


def _columns(content: bytes) -> dict[str, Any]:
    try:
        columns = orjson.loads(content)
    except orjson.JSONDecodeError:
        return _NASTY
    return columns if isinstance(columns, dict) else _NASTY


def _render(source: str, columns: dict[str, Any]) -> None:
    try:
        template = PromptTemplate.from_spec(PromptSpec(template=source))
    except InvalidTemplate as refused:
        _check_message(refused)
        return
    try:
        prompt = template.render(columns).prompt
        cut = prompt.shortened(prompt.document_chars // 2)
    except DocumentFailed as failed:
        _check_message(failed)
        return
    for messages in (prompt.messages, cut):
        assert sum(len(said.content) for said in messages) <= OUTPUT_CHARS


def _check_message(error: QwenqError) -> None:
    """Check that the message can be stored: PostgreSQL takes no NUL and no half surrogates."""
    message = str(error)
    message.encode()
    assert message
    assert "\0" not in message
