"""Writes lines as an Excel workbook (.xlsx), row by row, so that memory stays flat.

XlsxWriter does it: it keeps no row in memory, writes text as text (a formula stays inert), and escapes control
characters as Excel does. What a cell or a sheet cannot hold is refused: a text that is cut looks like a whole one.
"""

import tempfile
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, BinaryIO

from qwenq.exporting.sheets import Line, Sheet
from qwenq.schemas.errors import MissingExtra
from qwenq.schemas.machine.installation import with_extra

if TYPE_CHECKING:
    from xlsxwriter.worksheet import Worksheet

MOST_CHARACTERS = 32_767
MOST_ROWS = 1_048_576
MOST_COLUMNS = 16_384
_EXACT = 10**15
"""Excel keeps 15 digits of a number; longer whole numbers are written as text."""
_TOO_LONG = -2


class CannotHold(Exception):
    """A workbook cannot hold these lines; `reason` says why, and what can."""

    def __init__(self, reason: str) -> None:
        self.reason = f"{reason}; write .csv (with --bom, Excel reads it), .parquet or .jsonl instead"
        super().__init__(self.reason)


def require_xlsxwriter() -> None:
    """Raise MissingExtra unless XlsxWriter is installed."""
    try:
        import xlsxwriter  # noqa: F401
    except ImportError:
        raise MissingExtra(what="Writing an .xlsx file", requirement=with_extra("excel")) from None


def write_excel(lines: Iterable[Line], sheet: Sheet[Line], output: BinaryIO) -> int:
    """Write a heading and a row for each line. Returns the number of lines.

    Raises CannotHold for more than a sheet or a cell can hold, and OSError.
    """
    require_xlsxwriter()
    from xlsxwriter import Workbook
    from xlsxwriter.exceptions import FileCreateError

    if len(sheet.columns) > MOST_COLUMNS:
        raise CannotHold(f"it would have {len(sheet.columns):,} columns, and a sheet holds {MOST_COLUMNS:,}")
    written = 0
    # The rows wait in a file until the end. In a folder of our own, nothing of it is left behind.
    with tempfile.TemporaryDirectory(prefix="qwenq-") as folder:
        options = {"constant_memory": True, "use_zip64": True, "tmpdir": folder}
        try:
            with Workbook(output, options) as workbook:
                page = workbook.add_worksheet()
                _write_row(page, 0, sheet.columns, sheet.columns)
                for written, line in enumerate(lines, start=1):
                    if written >= MOST_ROWS:
                        raise CannotHold(f"it would have more than the {MOST_ROWS:,} rows of a sheet")
                    _write_row(page, written, sheet.row_of(line), sheet.columns)
        except FileCreateError as error:
            raise error.args[0] from error
    return written


def _write_row(page: "Worksheet", row: int, values: Iterable[Any], columns: tuple[str, ...]) -> None:
    for place, value in enumerate(values):
        if value is None or value == "":
            continue
        if isinstance(value, bool):
            page.write_boolean(row, place, value)
        elif isinstance(value, float) or (isinstance(value, int) and -_EXACT < value < _EXACT):
            page.write_number(row, place, value)
        elif page.write_string(row, place, str(value)) == _TOO_LONG:
            characters = len(str(value).encode("utf-16-le", "surrogatepass")) // 2  # as Excel counts
            raise CannotHold(
                f"row {row + 1} has {characters:,} characters in the column {columns[place]!r}, "
                f"and a cell of .xlsx holds {MOST_CHARACTERS:,}"
            )
