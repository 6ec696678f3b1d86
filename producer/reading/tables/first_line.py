"""Whether the first line of a table is a header, or data that would be lost as one.

No name looks like the dates, addresses or numbers of documents below it. A number may be a name, such as a year.
"""

import re
from collections.abc import Sequence

NUMBER = re.compile(r"[-+]?\d[\d.,:/-]*%?")
_DIGITS = re.compile(r"\d+")
_LETTERS = re.compile(r"[^\W\d_]+")
_ADDRESS = re.compile(r"\S+@\S+\.\S+|\w+://\S+")
_YEAR = re.compile(r"(?:19|20)\d\d")
_UUID = re.compile(r"[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}", re.IGNORECASE)
_SENTENCE_SPACES = 3
_LONG = 40
_GROUPS = 2


def is_number(field: str) -> bool:
    """Whether a field is a number, or a date or a time in digits."""
    return NUMBER.fullmatch(field.strip()) is not None


def is_surely_data(first: Sequence[str], rest: Sequence[Sequence[str]]) -> bool:
    """Whether a field of the first line is a date, an address or a code, as all below it are."""
    return any(_has_form_of(name.strip(), values) for name, values in _columns(first, rest))


def may_be_data(first: Sequence[str], rest: Sequence[Sequence[str]]) -> bool:
    """Whether a field of the first line is a number over numbers, or a sentence over sentences. Years are names."""
    has_years = not all(map(is_number, first)) and any(map(_YEAR.fullmatch, map(str.strip, first)))
    return any(
        (_is_plain_number(name) and not has_years and all(map(is_number, values)))
        or (_is_sentence(name) and all(map(_is_sentence, values)))
        for name, values in _columns(first, rest)
    )


def _columns(first: Sequence[str], rest: Sequence[Sequence[str]]) -> list[tuple[str, list[str]]]:
    """Each field of the first line, with what is filled below it."""
    columns = ((name, [fields[place].strip() for fields in rest]) for place, name in enumerate(first))
    filled = ((name, [value for value in values if value]) for name, values in columns)
    return [(name, values) for name, values in filled if values and name.strip()]


def _has_form_of(name: str, values: Sequence[str]) -> bool:
    for kind in (_ADDRESS, _UUID):
        if kind.fullmatch(name):
            return all(map(kind.fullmatch, values))
    form = _form(name)
    return (
        form.count("9") >= _GROUPS
        and not _is_plain_number(name)
        and all(_form(one) == form for one in values)
    )


def _form(value: str) -> str:
    """A value with each word as `a` and each number as `9`."""
    return _DIGITS.sub("9", _LETTERS.sub("a", value))


def _is_plain_number(value: str) -> bool:
    return re.fullmatch(r"[-+]?[\d.,]+%?", value) is not None and value.count(".") < _GROUPS


def _is_sentence(value: str) -> bool:
    return (len(value) > _LONG or value.count(" ") >= _SENTENCE_SPACES) and not value.endswith("?")
