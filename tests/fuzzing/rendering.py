"""Any template with any columns gives a prompt or one of qwenq's errors, soon and in little memory.

A case is the template, a NUL, and the columns as JSON; if these are invalid, it gets nasty ones.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import orjson

from qwenq.schemas.errors import InvalidTemplate
from qwenq.schemas.prompts.budget import OUTPUT_CHARS
from qwenq.schemas.prompts.compiled import CompiledTemplate, Failed

MOST_SECONDS = 1.5
"""The most processor time of one call: ordinary templates are far below, runaway ones far above."""

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
    """Compile and render a case. Raises AssertionError if a call takes too long, and any unexpected exception."""
    source, _, columns = case.partition(b"\0")
    _render(source.decode("utf-8", "replace"), _columns(columns))


def _columns(content: bytes) -> dict[str, Any]:
    try:
        columns = orjson.loads(content)
    except orjson.JSONDecodeError:
        return _NASTY
    return columns if isinstance(columns, dict) else _NASTY


def _render(source: str, columns: dict[str, Any]) -> None:
    try:
        with _soon():
            template = CompiledTemplate(source)
    except InvalidTemplate as refused:
        _check_message(str(refused))
        return
    half = len(columns.get("text", "")) // 2 if isinstance(columns.get("text"), str) else 0
    for values in (columns, {**columns, "text": _NASTY["text"][:half]}):
        with _soon():
            outcome = template.render(values)
        if isinstance(outcome, Failed):
            _check_message(outcome.reason)
        else:
            assert len(outcome) <= OUTPUT_CHARS


@contextmanager
def _soon() -> Iterator[None]:
    began = time.thread_time()
    yield
    assert time.thread_time() - began < MOST_SECONDS, "a template blocks a worker"


def _check_message(message: str) -> None:
    """Check that the message can be stored: PostgreSQL takes no NUL and no half surrogates."""
    message.encode()
    assert message
    assert "\0" not in message
