"""Cells of a sheet as the texts that they show."""

import re
from datetime import date, datetime, time
from typing import TYPE_CHECKING, Any

from qwenq.producer.reading.tables.sheets.number_formats import NumberFormat, number_format
from qwenq.producer.reading.tables.sheets.shown_numbers import general

if TYPE_CHECKING:
    from openpyxl import Workbook

NEVER_COMPUTED = "holds a formula whose value was never computed"
_ESCAPED_RETURN = re.compile("_x000D_", re.IGNORECASE)
_GENERAL = "General"
_OWN_FORMATS = 164
_DATE = "yyyy-mm-dd"
# What openpyxl's list lacks, or has wrong: dates of Asian Excels, and the accounting format.
_BUILT_IN = {
    **dict.fromkeys((*range(27, 32), 36, *range(50, 59)), _DATE),
    **dict.fromkeys(range(32, 36), "h:mm:ss"),
    44: '_("$"* #,##0.00_);_("$"* \\(#,##0.00\\);_("$"* "-"??_);_(@_)',
}


class CellTexts:
    """Shows the cells of a workbook, each in the format of its style."""

    def __init__(self, workbook: "Workbook") -> None:
        self._epoch: datetime = workbook.epoch
        self._styles: Any = workbook._cell_styles  # type: ignore[attr-defined] # noqa: SLF001
        self._codes: Any = workbook._number_formats  # type: ignore[attr-defined] # noqa: SLF001
        self._formats: dict[int, NumberFormat | None] = {}

    def shown(self, cell: dict[str, Any]) -> str:
        """The text of a cell, as openpyxl's parser gives it."""
        value = cell["value"]
        match value:
            case bool():
                return "TRUE" if value else "FALSE"
            case int() | float():
                form = self._format(cell["style_id"])
                return general(value) if form is None else form.number(value, self._epoch)
            case str() if cell["data_type"] != "e":
                form = self._format(cell["style_id"])
                text = _ESCAPED_RETURN.sub("", value)
                return text if form is None else form.text(text)
        return plain_text(value)

    def _format(self, style: int) -> NumberFormat | None:
        """The format of a style; None if it shows cells as they are."""
        if style not in self._formats:
            code = self._code(style)
            self._formats[style] = None if code.lower() == _GENERAL.lower() else number_format(code)
        return self._formats[style]

    def _code(self, style: int) -> str:
        from openpyxl.styles.numbers import BUILTIN_FORMATS

        try:
            number = self._styles[style].numFmtId
            if number >= _OWN_FORMATS:
                return str(self._codes[number - _OWN_FORMATS])
        except (IndexError, TypeError):
            # An empty style, or one that is not there.
            return _GENERAL
        return str(_BUILT_IN.get(number) or BUILTIN_FORMATS.get(number) or _GENERAL)


def plain_text(value: object) -> str:
    """A value without a format: an error such as #N/A; a date of a strict file in ISO 8601."""
    match value:
        case datetime() if value.time() == time():
            return value.date().isoformat()
        case datetime() | date() | time():
            return value.isoformat()
    return str(value)


def fault(cell: dict[str, Any], element: Any, formula_tag: str, *, is_stale: bool) -> str | None:
    """What is wrong with a cell: it shows an error, or its formula has no value. None if nothing is.

    In a workbook that `is_stale`, formulas wait to be computed; programs such as XlsxWriter give them the value 0.
    """
    if cell["data_type"] == "e" and cell["value"] is not None:
        return f"shows the error {cell['value']}"
    is_empty = cell["value"] is None or (is_stale and cell["value"] == 0 and cell["data_type"] == "n")
    if is_empty and element.find(formula_tag) is not None and cell["data_type"] != "str":
        return NEVER_COMPUTED
    return None
