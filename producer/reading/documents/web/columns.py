"""The columns of a table on a web page: cells stand under their headings, also beside cells that span several."""

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lxml.html import HtmlElement

_MOST_SPANNED = 64
"""Wider cells, and more columns with cells that reach down, are not followed: a few bytes would make many tabs."""
_MOST_ROWS = 65_534
_MOST_DIGITS = 5


class Columns:
    """Where the next cell of a table stands. What cells span besides is empty."""

    def __init__(self, skip: Callable[[int], object]) -> None:
        self._skip = skip
        self._column = 0
        self._rows_left: dict[int, int] = {}

    def begin_row(self) -> Callable[[], object]:
        """Begin a row. Returns what to call at its end."""
        before, self._column = self._column, 0

        def end() -> None:
            for column in [one for one in self._rows_left if one >= self._column]:
                self._pass(column)
            self._column = before

        return end

    def begin_cell(self) -> bool:
        """Pass the columns that cells of the rows above fill. Returns whether the next cell is the first."""
        passed = 0
        while self._column + passed in self._rows_left:
            self._pass(self._column + passed)
            passed += 1
        if passed:
            self._skip(passed if self._column else passed - 1)
            self._column += passed
        return not self._column

    def cell(self, one: "HtmlElement") -> Callable[[], object]:
        """Take in a cell. Returns what to call at its end."""
        width, height = _span(one.get("colspan"), _MOST_SPANNED), _span(one.get("rowspan"), _MOST_ROWS)
        first, self._column = self._column, self._column + width
        if height > 1:
            for column in range(first, self._column)[: _MOST_SPANNED - len(self._rows_left)]:
                self._rows_left[column] = height - 1
        return lambda: self._skip(width - 1)

    def _pass(self, column: int) -> None:
        self._rows_left[column] -= 1
        if not self._rows_left[column]:
            del self._rows_left[column]


def _span(given: str | None, most: int) -> int:
    text = (given or "").strip()
    digits = text if text.isascii() and text.isdecimal() and len(text) <= _MOST_DIGITS else "1"
    return min(max(int(digits), 1), most)
