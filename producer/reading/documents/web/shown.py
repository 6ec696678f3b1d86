"""What a browser shows beside the text of a web page: the numbers of lists, and the values of forms."""

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lxml.html import HtmlElement

_NOT_SHOWN = frozenset({"hidden", "password", "button", "submit", "reset", "image", "file"})
_ROMAN = ((10, "x"), (9, "ix"), (5, "v"), (4, "iv"), (1, "i"))
_LETTERS = 26
_KINDS = {
    "lower-alpha": "a", "lower-latin": "a", "upper-alpha": "A", "upper-latin": "A", "lower-roman": "i",
    "upper-roman": "I", "decimal": "1",
}  # fmt: skip
_STYLED = re.compile(rf"list-style(?:-type)?\s*:[^;]*?\b({'|'.join(_KINDS)})\b", re.IGNORECASE)
_MOST_ROMAN = 39


class Numbers:
    """The numbers of the items of an ordered list."""

    def __init__(self, one: "HtmlElement") -> None:
        self._step = -1 if "reversed" in one.attrib else 1
        styled = _STYLED.search(one.get("style", ""))
        self._kind = _KINDS[styled[1].lower()] if styled else one.get("type", "1")
        start = _whole(one.get("start"))
        if start is None:
            start = sum(1 for _ in one.iterchildren("li")) if self._step < 0 else 1
        self._next = start

    def of(self, item: "HtmlElement") -> str:
        """What stands before the text of the next item."""
        given = _whole(item.get("value"))
        number = self._next if given is None else given
        self._next = number + self._step
        return f"{_numeral(number, self._kind)}. "


def value_of_field(one: "HtmlElement") -> str:
    """The value of an `<input>` or a `<select>` as it is shown; "" if it shows none."""
    if one.tag == "select":
        options = list(one.iter("option"))
        chosen = [option for option in options if "selected" in option.attrib] or options[:1]
        return ", ".join(" ".join(str(option.text_content()).split()) for option in chosen)
    kind = one.get("type", "text").lower()
    if kind in _NOT_SHOWN:
        return ""
    if kind in {"checkbox", "radio"}:
        return "[x]" if "checked" in one.attrib else "[ ]"
    return str(one.get("value", "")).strip()


def _whole(text: str | None) -> int | None:
    text = (text or "").strip()
    digits = text.removeprefix("-")
    return int(text) if digits.isascii() and digits.isdecimal() and len(digits) < 10 else None  # noqa: PLR2004


def _numeral(number: int, kind: str) -> str:
    if kind in ("a", "A") and 0 < number <= _LETTERS:
        return chr(ord(kind) + number - 1)
    if kind in ("i", "I") and 0 < number <= _MOST_ROMAN:
        numeral = ""
        for value, letters in _ROMAN:
            while number >= value:
                numeral += letters
                number -= value
        return numeral.upper() if kind == "I" else numeral
    return str(number)
