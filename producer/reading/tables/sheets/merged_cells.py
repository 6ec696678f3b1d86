"""Merged cells of a sheet: the file stores the value in the first cell only; here each cell gets it."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from qwenq.schemas.errors import UnreadableDocument

MOST_RANGES = 100_000
"""The most merged ranges of a sheet."""
MOST_COPIED_CHARS = 64 * 1024 * 1024
"""The most text that merged ranges repeat: one cell may be merged over a million rows."""
_MERGED = re.compile(
    rb"""<(?:\w{1,20}:)?mergeCell\s[^<>]{0,200}?ref=["']([A-Z]{1,3})(\d{1,7}):([A-Z]{1,3})(\d{1,7})["']"""
)
_LONGEST_TAG = 256
_LETTERS = 26


@dataclass(frozen=True, slots=True)
class MergedRange:
    """A rectangle of cells. Rows and columns count from 1; the last ones are included."""

    first_row: int
    first_column: int
    last_row: int
    last_column: int


def merged_ranges(blocks: Iterable[bytes]) -> list[MergedRange]:
    """The merged ranges in a sheet's XML, by first row. Raises UnreadableDocument for more than MOST_RANGES."""
    found: list[MergedRange] = []
    rest = b""
    for block in blocks:
        text = rest + block
        end = 0
        for match in _MERGED.finditer(text):
            left, top, right, bottom = match.groups()
            found.append(MergedRange(int(top), _column(left), int(bottom), _column(right)))
            end = match.end()
        if len(found) > MOST_RANGES:
            reason = f"it has more than {MOST_RANGES:,} merged ranges; unmerge them, or save it as CSV"
            raise UnreadableDocument(reason=reason)
        rest = text[max(end, len(text) - _LONGEST_TAG) :]
    return sorted(found, key=lambda merged: merged.first_row)


class MergedCells:
    """Fills the cells of merged ranges, row by row. Its work is bounded by the columns that are wanted."""

    def __init__(self, ranges: list[MergedRange]) -> None:
        self._waiting = ranges[::-1]
        self._open: dict[int, tuple[int, str]] = {}
        self._copied = 0

    def narrow(self, columns: int) -> None:
        """Forget the ranges beyond so many columns."""
        self._waiting = [merged for merged in self._waiting if merged.first_column <= columns]
        self._open = {column: open_ for column, open_ in self._open.items() if column <= columns}

    def fill(self, number: int, cells: dict[int, str], columns: int | None) -> None:
        """Copy the values of merged ranges into a row's cells, which are texts by column, from 1.

        `columns` is the most to fill. None fills two cells of a range: a header that is merged over more is refused.
        Call it for each row that is not blank, in order. A blank row stays blank: a tall merged cell makes no rows.
        Raises UnreadableDocument when more than MOST_COPIED_CHARS are copied.
        """
        while self._waiting and self._waiting[-1].first_row <= number:
            merged = self._waiting.pop()
            value = cells.get(merged.first_column, "")
            if merged.first_row == number and value:
                last = min(merged.last_column, merged.first_column + 1 if columns is None else columns)
                self._open.update(
                    dict.fromkeys(range(merged.first_column, last + 1), (merged.last_row, value))
                )
        for column, (last_row, value) in list(self._open.items()):
            if last_row < number:
                del self._open[column]
            else:
                cells[column] = value
                self._copied += len(value)
        if self._copied > MOST_COPIED_CHARS:
            mebibytes = MOST_COPIED_CHARS >> 20
            reason = f"merged cells repeat more than {mebibytes} MiB of text; unmerge them, or save it as CSV"
            raise UnreadableDocument(reason=reason)


def _column(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * _LETTERS + letter - ord("A") + 1
    return number
