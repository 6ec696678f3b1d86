"""Number formats of spreadsheets: the text that a cell shows, such as 00042, 15%, 1,250.50 €, 30:15.

No package that is kept up renders them: openpyxl only names them, and the ports of SheetJS's SSF rest since 2020. The
rules are those of ECMA-376, part 1, 18.8.31, and of Excel. Dates and times are not left to formats: a date is ISO 8601.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time
from functools import lru_cache
from math import isfinite

from qwenq.producer.reading.tables.sheets.shown_numbers import Layout, Token, general, shown_number

MOST_CODE_CHARS = 1_000
"""Formats of more characters are left out: Excel allows 255."""
_TOKENS = re.compile(
    r"""
    "(?P<quoted>[^"]*)"? | \\(?P<escaped>.) | _(?P<space>.) | \*(?P<fill>.)
    | \[(?P<elapsed>h+|m+|s+)\]
    | \[(?P<condition>[<>=]+)\s*(?P<bound>[-+]?[\d.]+(?:[eE][-+]?\d+)?)\]
    | \[\$(?P<currency>[^\]-]*)(?:-[^\]]*)?\]
    | \[(?P<other>[^\]]*)\]
    | (?P<general>General) | (?P<half>AM/PM|A/P|上午/下午)
    | (?P<exponent>E[-+])
    | (?P<digits>[0#?.,]+) | (?P<percent>%) | (?P<slash>/) | (?P<text>@)
    | (?P<date>[ymdhs]+) | (?P<literal>.)
    """,
    re.VERBOSE | re.DOTALL | re.IGNORECASE,
)
_TEXT_SECTION = 4
_SECONDS = 86_400
_MOST_DAYS = 1e9


@dataclass(frozen=True, slots=True)
class _Section:
    tokens: tuple[Token, ...]
    condition: tuple[str, float] | None
    layout: Layout | None

    def has(self, *kinds: str) -> bool:
        return any(token.kind in kinds for token in self.tokens)

    @property
    def hides_sign(self) -> bool:
        """Whether the condition admits only numbers below zero."""
        return self.condition is not None and self.condition[0] in {"<", "<="} and self.condition[1] <= 0


class NumberFormat:
    """A format, read once for all of its cells."""

    def __init__(self, code: str) -> None:
        parts = _parts(code) if len(code) <= MOST_CODE_CHARS else ["General"]
        self._sections = [_section(part) for part in parts[:_TEXT_SECTION]]
        self._of_text = self._text_section()
        numbers = [one for one in self._sections if one is not self._of_text]
        self._of_numbers = numbers[: _TEXT_SECTION - 1]

    def number(self, value: float, epoch: datetime) -> str:
        """What a number shows. `epoch` is day 0 of the sheet's dates."""
        if not isfinite(value):
            return general(value)
        chosen = self._chosen(value)
        if chosen is None:
            return general(value)
        place, section = chosen
        if section.has("elapsed"):
            return _elapsed(section.tokens, value) if abs(value) < _MOST_DAYS else general(value)
        if section.has("date"):
            return _moment(section.tokens, value, epoch)
        takes_sign = (place == 1 and section.condition is None) or section.hides_sign
        return shown_number(section.tokens, section.layout, abs(value) if takes_sign else value)

    def text(self, value: str) -> str:
        """What a text shows."""
        if self._of_text is None:
            return value
        return "".join(value if token.kind == "text" else token.text for token in self._of_text.tokens)

    def _text_section(self) -> _Section | None:
        """The fourth section, or the last one with an @ among others that are for numbers."""
        if len(self._sections) == _TEXT_SECTION:
            return self._sections[-1]
        last = self._sections[-1]
        return last if last.has("text") else None

    def _chosen(self, value: float) -> tuple[int, _Section] | None:
        """The section of a number, and its place: the sections are for numbers above, below and of zero."""
        sections = self._of_numbers
        if not sections:
            return None
        if any(section.condition for section in sections):
            for place, section in enumerate(sections):
                if section.condition is None or _holds(section.condition, value):
                    return place, section
            return None
        place = 0 if value > 0 else 1 if value < 0 else 2
        if place >= len(sections):
            place = 0
        return place, sections[place]


@lru_cache(maxsize=512)
def number_format(code: str) -> NumberFormat:
    """The format with this code."""
    return NumberFormat(code)


def _parts(code: str) -> list[str]:
    """The sections of a code: they stand between semicolons that are not quoted."""
    parts, start = [], 0
    for found in re.finditer(r"""("[^"]*"?|\\.|\[[^\]]*\]|[_*].)|;""", code, re.DOTALL):
        if found[1] is None:
            parts.append(code[start : found.start()])
            start = found.end()
    return [*parts, code[start:]]


def _section(part: str) -> _Section:
    tokens: list[Token] = []
    condition = None
    for found in _TOKENS.finditer(part):
        kind = found.lastgroup or ""
        if kind == "bound":
            try:
                condition = found["condition"], float(found["bound"])
            except ValueError:
                condition = None
            continue
        text = found[kind] if kind else ""
        if kind in {"quoted", "escaped", "literal", "currency"}:
            tokens.append(Token("literal", text))
        elif kind == "space":
            tokens.append(Token("literal", " "))
        elif kind not in {"fill", "other", ""}:
            tokens.append(Token(kind, text))
    if any(token.kind in {"elapsed", "date"} for token in tokens):
        return _Section(tuple(tokens), condition, None)
    return _Section(tuple(tokens), condition, Layout.of(tokens))


def _holds(condition: tuple[str, float], value: float) -> bool:
    sign, bound = condition
    return {
        "<": value < bound, "<=": value <= bound, ">": value > bound, ">=": value >= bound,
        "=": value == bound, "<>": value != bound,
    }.get(sign, False)  # fmt: skip


def _elapsed(tokens: Sequence[Token], value: float) -> str:
    """A duration: hours may be more than a day has."""
    places = _second_places(tokens)
    whole, fraction = divmod(round(abs(value) * _SECONDS * 10**places), 10**places)
    shown, unit, rest = [], "", whole
    for token in tokens:
        if token.kind in {"elapsed", "date"}:
            letter, width = token.text[0].lower(), len(token.text)
            size = {"h": 3_600, "m": 60, "s": 1}.get(letter, _SECONDS)
            if token.kind == "elapsed":
                count, rest = divmod(whole, size)
            else:
                count, rest = divmod(rest, size)
            shown.append(str(count).zfill(width))
            unit = letter
        elif token.kind == "digits" and unit == "s" and token.text.startswith("."):
            shown.append("." + str(fraction).zfill(places)[:places] if places else "")
        elif token.kind in {"literal", "slash", "digits"}:
            shown.append(token.text)
    return ("-" if value < 0 else "") + "".join(shown).strip()


def _second_places(tokens: Sequence[Token]) -> int:
    digits = next((one.text for one in tokens if one.kind == "digits" and one.text.startswith(".")), ".")
    return min(len(digits) - 1, 6)


def _moment(tokens: Sequence[Token], value: float, epoch: datetime) -> str:
    """A date, a time, or both in ISO 8601: as much of it as the format shows."""
    from openpyxl.utils.datetime import from_excel

    if value < 0:
        return general(value)
    try:
        moment = from_excel(value, epoch)
    except (OverflowError, ValueError):
        return general(value)
    letters = "".join(one.text for one in tokens if one.kind == "date").lower()
    has_time = any(letter in letters for letter in "hs")
    has_date = any(letter in letters for letter in "ydgebr") or not has_time
    if isinstance(moment, time):
        return moment.isoformat()
    if moment.time() == time() or not has_time:
        return str(moment.date().isoformat()) if has_date else moment.time().isoformat()
    return str(moment.isoformat()) if has_date else str(moment.time().isoformat())
