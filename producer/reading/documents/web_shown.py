"""What a browser shows beside the text of a web page: the numbers of lists, and the values of forms."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lxml.html import HtmlElement

_NOT_SHOWN = frozenset({"hidden", "password", "button", "submit", "reset", "image", "file"})
_ROMAN = ((10, "x"), (9, "ix"), (5, "v"), (4, "iv"), (1, "i"))
_LETTERS = 26
_MOST_ROMAN = 39
_DEPTH = 8


def number_items(one: "HtmlElement") -> None:
    """Write the numbers of an ordered list's items."""
    if "none" in one.get("style", ""):
        return
    items = list(one.iterchildren("li"))
    step = -1 if "reversed" in one.attrib else 1
    number = _whole(one.get("start")) or (len(items) if step < 0 else 1)
    for item in items:
        given = _whole(item.get("value"))
        number = number if given is None else given
        first = item
        # The text may stand in a paragraph of its own.
        for _ in range(_DEPTH):
            if (first.text or "").strip() or not len(first) or not isinstance(first[0].tag, str):
                break
            if first[0].tag in ("ol", "ul", "table", "img", "input", "select", "pre", "textarea"):
                break
            first = first[0]
        first.text = f"{_numeral(number, one.get('type', '1'))}. {first.text or ''}"
        number += step


def show_value(one: "HtmlElement") -> None:
    """Put a form field's value behind it."""
    if one.tag == "select":
        options = list(one.iter("option"))
        chosen = [option for option in options if "selected" in option.attrib] or options[:1]
        shown = ", ".join(" ".join(str(option.text_content()).split()) for option in chosen)
        for inner in list(one):
            one.remove(inner)
        one.text = ""
    else:
        kind = one.get("type", "text").lower()
        if kind in _NOT_SHOWN:
            return
        tick = "[x]" if "checked" in one.attrib else "[ ]"
        shown = tick if kind in ("checkbox", "radio") else one.get("value", "")
    if shown.strip():
        one.tail = f" {shown} {one.tail or ''}"


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
