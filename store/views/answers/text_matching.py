"""Whether a document or an answer says a text, in any case of its letters.

The database compares patterns, which fit each row that says the text, and some others: rows are JSON, in which
characters may be escapes and names of columns stand too, and SQLite knows the case of English letters only. So rows
that fit are looked at here.
"""

from collections.abc import Iterator
from typing import Any

import orjson
from sqlalchemy import ColumnElement, or_

_ANY = "%"
_NO_ESCAPE = "~"
"""For LIKE. PostgreSQL would take a backslash; no pattern here has a tilde."""
_LAST_OF_FOUR = "\uffff"


def row_may_say(content: ColumnElement[str], text: str) -> ColumnElement[bool]:
    """A stored row fits the pattern of the text, as it is or in the escapes of JSON."""
    literal = "".join(map(_steady, text))
    escaped = "".join(map(_escaped, text))
    patterns = dict.fromkeys((literal, escaped))
    return or_(*(_fits(content, pattern) for pattern in patterns))


def answer_may_say(answer: ColumnElement[str], text: str) -> ColumnElement[bool]:
    """An answer fits the pattern of the text."""
    return _fits(answer, "".join(map(_steady, text)))


def row_says(content: str, text: str) -> bool:
    """Whether a value of a stored row says the text; for a bad row, whether its raw text does."""
    part = text.lower()
    try:
        row = orjson.loads(content)
    except orjson.JSONDecodeError:
        return part in content.lower()
    return any(part in value.lower() for value in _texts(row))


def _fits(column: ColumnElement[str], pattern: str) -> ColumnElement[bool]:
    return column.ilike(f"{_ANY}{pattern}{_ANY}", escape=_NO_ESCAPE)


def _steady(character: str) -> str:
    """The character, if it looks the same in each row that says it; else what stands for any."""
    if character.isascii():
        return character if character.isalnum() or character == " " else _ANY
    return character if character.isalnum() and character.lower() == character.upper() else _ANY


def _escaped(character: str) -> str:
    if character.isascii() or _steady(character) == _ANY:
        return _steady(character)
    return f"\\u{ord(character):04x}" if character <= _LAST_OF_FOUR else _ANY


def _texts(value: Any) -> Iterator[str]:
    """The texts and other values of a row, without names of columns."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for one in value:
            yield from _texts(one)
    elif isinstance(value, str):
        yield value
    else:
        yield orjson.dumps(value).decode()
