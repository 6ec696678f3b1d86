"""CSV cells that a spreadsheet would take for a formula."""

from dataclasses import replace
from typing import Any

from qwenq.exporting.sheets import Line, Sheet

_BEGINNINGS = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""The last four are the wide forms, which spreadsheets in East Asian languages take as well."""
_OBEYED = ("\t", "\r", "\n", "\0")
"""Some spreadsheets drop these at the start of a cell and look at what follows."""
APOSTROPHE = "'"


def without_formulas(sheet: Sheet[Line]) -> Sheet[Line]:
    """The same table, with an apostrophe before each text and column name that a spreadsheet would take for a formula.

    Numbers stay numbers.
    """
    kinds = {safe_cell(name): kind for name, kind in sheet.kinds.items()}
    return replace(sheet, kinds=kinds, row_of=lambda line: tuple(map(safe_cell, sheet.row_of(line))))


def safe_cell(value: Any) -> Any:
    """Put an apostrophe before text that begins with = + - @, also after white space, or with a tab or a line's end."""
    if not isinstance(value, str):
        return value
    if value.startswith(_OBEYED) or value.lstrip(" \t\r\n\v\f\u00a0\u3000\ufeff").startswith(_BEGINNINGS):
        return APOSTROPHE + value
    return value
