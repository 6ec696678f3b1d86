"""Superscripts and subscripts of PDF pages: digits that are smaller than the sign before, and raised or lowered."""

import ctypes
import math
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from qwenq.producer.reading.documents.scripts import SUB, SUPER, in_line

if TYPE_CHECKING:
    from pypdfium2 import PdfTextPage

_SMALLER = 0.85
_RAISED, _LOWERED = 0.15, -0.05
"""By how much of the larger letters the line of the smaller ones is away from theirs."""
_LEVEL = 0.05
_SIGNS = frozenset("+-\u2212")
_MAY_BEGIN = re.compile(r"(?<=[^\W_]|[)\]])(?:\d|[+\-\u2212](?=\d))")
"""A digit, or a sign before one, behind a letter, a digit or a bracket."""
_UNSCALED = 2.0
"""Some programs write letters of size 1, and enlarge all that they draw."""


def with_scripts(text_page: "PdfTextPage", text: str) -> str:
    """The text of an upright page, as PDFium joins it, with its superscripts and subscripts told apart."""
    chars = text_page.get_text_range()
    if len(chars) != text_page.count_chars():
        return text
    found = list(_Signs(text_page, chars).scripts())
    if not found or "".join(chars.split()) != "".join(text.split()):
        return text
    # Both hold the same signs between different white space: places are counted without it.
    places = [place for place, sign in enumerate(text) if not sign.isspace()]
    pieces, done, seen, counted = [], 0, 0, 0
    for first, last, kind, goes_on in found:
        seen += len("".join(chars[counted:first].split()))
        counted = first
        begin, end = places[seen], places[seen + last - first - 1] + 1
        pieces += [text[done:begin], in_line(text[begin:end], kind, text[begin - 1 : begin])]
        # PDFium ends the line behind what is raised, though the line goes on.
        done = end + 2 if goes_on and text.startswith("\r\n", end) else end
    return "".join(pieces) + text[done:]


class _Signs:
    """The signs of a page with their sizes and places."""

    def __init__(self, text_page: "PdfTextPage", chars: str) -> None:
        self._page = text_page
        self._chars = chars

    def scripts(self) -> Iterator[tuple[int, int, str, bool]]:
        """The first and last place of each, its kind, and whether its line goes on behind it."""
        import pypdfium2.raw as pdfium

        chars, page, size_of = self._chars, self._page, pdfium.FPDFText_GetFontSize
        end, last, last_place = 0, 0.0, -1
        for found in _MAY_BEGIN.finditer(chars):
            place = found.start()
            size = size_of(page, place)
            before = last if last_place == place - 1 else size_of(page, place - 1)
            last, last_place = size, place
            if place < end or size == before > _UNSCALED:
                continue
            base, size = self._size(place - 1), self._size(place)
            if not size or size > _SMALLER * base:
                continue
            line, height = self._height(place - 1), self._height(place)
            rise = (height - line) / base
            if _LOWERED < rise < _RAISED or abs(rise) > 1:
                continue
            end = place + 1
            while end < len(chars) and (chars[end].isdecimal() or chars[end] in _SIGNS):
                if self._size(end) > _SMALLER * base or abs(self._height(end) - height) > _LEVEL * base:
                    break
                end += 1
            yield place, end, SUPER if rise > 0 else SUB, self._goes_on(end, line, base)

    def _goes_on(self, end: int, line: float, base: float) -> bool:
        if not self._chars.startswith("\r\n", end) or end + 2 >= len(self._chars):
            return False
        return abs(self._height(end + 2) - line) <= _LEVEL * base

    def _size(self, place: int) -> float:
        import pypdfium2.raw as pdfium

        size = float(pdfium.FPDFText_GetFontSize(self._page, place))
        if size <= _UNSCALED:
            matrix = pdfium.FS_MATRIX()
            if pdfium.FPDFText_GetMatrix(self._page, place, matrix):
                size *= math.hypot(matrix.b, matrix.d)
        return size

    def _height(self, place: int) -> float:
        """The height of the line that a sign stands on."""
        import pypdfium2.raw as pdfium

        across, up = ctypes.c_double(), ctypes.c_double()
        pdfium.FPDFText_GetCharOrigin(self._page, place, across, up)
        return up.value
