"""Merged cells of a sheet: the file stores the value in the first cell only; here each cell gets it."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

_MERGED = re.compile(
    rb"""<(?:\w+:)?mergeCell\s[^>]*?ref=["']([A-Z]{1,3})(\d{1,7}):([A-Z]{1,3})(\d{1,7})["']"""
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
    """The merged ranges in a sheet's XML, by first row."""
    found: list[MergedRange] = []
    rest = b""
    for block in blocks:
        text = rest + block
        end = 0
        for match in _MERGED.finditer(text):
            left, top, right, bottom = match.groups()
            found.append(MergedRange(int(top), _column(left), int(bottom), _column(right)))
            end = match.end()
        rest = text[max(end, len(text) - _LONGEST_TAG) :]
    return sorted(found, key=lambda merged: merged.first_row)


def filled(rows: Iterable[tuple[Any, ...]], ranges: list[MergedRange]) -> Iterator[tuple[Any, ...]]:
    """Copy the value of each merged range into all of its cells. `rows` begin with the sheet's first row.

    A blank row stays blank: a tall merged cell makes no rows.
    """
    waiting = ranges[::-1]
    open_: list[tuple[MergedRange, Any]] = []
    for number, row in enumerate(rows, start=1):
        open_ = [(merged, value) for merged, value in open_ if merged.last_row >= number]
        while waiting and waiting[-1].first_row == number:
            merged = waiting.pop()
            place = merged.first_column - 1
            open_.append((merged, row[place] if place < len(row) else None))
        blank = all(value is None for value in row)
        yield row if blank or not open_ else _with(row, open_)


def _with(row: tuple[Any, ...], open_: list[tuple[MergedRange, Any]]) -> tuple[Any, ...]:
    cells = list(row)
    for merged, value in open_:
        if value is None:
            continue
        cells += [None] * (merged.last_column - len(cells))
        cells[merged.first_column - 1 : merged.last_column] = [value] * (
            merged.last_column - merged.first_column + 1
        )
    return tuple(cells)


def _column(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * _LETTERS + letter - ord("A") + 1
    return number
