"""Spreadsheets (.xlsx): read one sheet; its first filled row is the header, each cell is the text that it shows.

openpyxl's parser streams a sheet row by row, and gives only the cells that are there. Faster readers hold the whole
rectangle from the first cell to the last: a tiny file with one cell far away takes all memory.
"""

import re
import warnings
from collections.abc import Iterator
from contextlib import closing
from datetime import date, datetime, time
from functools import partial
from typing import TYPE_CHECKING, Any, BinaryIO

from qwenq.producer.reading.column_names import miscounted, named
from qwenq.producer.reading.office_archives import OfficeArchive
from qwenq.producer.reading.shortage import raise_if_short
from qwenq.producer.reading.sources.unpacking import BLOCK_BYTES, BrokenOff
from qwenq.producer.reading.tables.merged_cells import MergedCells, merged_ranges
from qwenq.producer.reading.tables.pieces import bad_row, broken_piece, columns_piece, good_row, row_pieces
from qwenq.schemas.errors import UnreadableDocument, reason_of

if TYPE_CHECKING:
    from openpyxl import Workbook

UNPACKED_BYTES = 512 * 1024 * 1024
"""The most XML that a spreadsheet may unpack to."""
MOST_ROWS = 1 << 20
"""The most rows that a sheet can have."""
_ESCAPED_RETURN = re.compile("_x000D_", re.IGNORECASE)

Record = tuple[int, dict[int, str]]
"""The number of a row, and the texts of its cells by column, from 1."""


def sheet_pieces(file: BinaryIO, sheet: str | None, *, first_only: bool) -> Iterator[bytes]:
    """The header and the rows of a sheet (default: the first that is not hidden). Blank rows are left out.

    Rows are numbered as in the sheet. Raises UnreadableDocument if it is not a spreadsheet, or has no such sheet.
    """
    with closing(_opened(file)) as workbook:
        table = _Sheet(workbook, _chosen(workbook, sheet))
        yield columns_piece(table.header)
        yield from row_pieces(table.rows(), first_only=first_only)
        if table.broken:
            yield broken_piece(*table.broken)


class _Sheet:
    """The header of a sheet, its rows, and where and why they broke off."""

    def __init__(self, workbook: "Workbook", sheet: Any) -> None:
        """Read up to the header. Raises UnreadableDocument if that fails."""
        self.broken: tuple[int, str] | None = None
        self._records = _records(workbook, sheet)
        try:
            # Read-only mode ignores merged cells: the XML names them behind the rows.
            with workbook._archive.open(sheet._worksheet_path) as part:  # type: ignore[attr-defined] # noqa: SLF001
                self._merged = MergedCells(merged_ranges(iter(partial(part.read, BLOCK_BYTES), b"")))
            number, cells = next((record for record in self._records if record[1]), (0, {}))
        except (UnreadableDocument, MemoryError):
            raise
        except Exception as error:  # noqa: BLE001 - damaged XML raises any kind of error
            raise_if_short()
            raise UnreadableDocument(reason=_why(error)) from None
        self._merged.fill(number, cells, None)
        self._width = max((column for column, text in cells.items() if text), default=0)
        self._merged.narrow(self._width)
        self.header = [cells.get(column, "").strip() for column in range(1, self._width + 1)]

    def rows(self) -> Iterator[bytes | None]:
        """All rows below the header; None for a blank one."""
        number = 1
        try:
            for number, cells in self._records:
                yield self._row(number, cells)
        except MemoryError:
            raise
        except Exception as error:  # noqa: BLE001 - so does damaged XML
            raise_if_short()
            self.broken = number + 1, _why(error)

    def _row(self, number: int, cells: dict[int, str]) -> bytes | None:
        if not cells:
            return None
        self._merged.fill(number, cells, self._width)
        last = max((column for column, text in cells.items() if text), default=0)
        if last > self._width:
            return bad_row(number, miscounted(last, self._width), cells.values())
        return (
            good_row(number, [cells.get(column, "") for column in range(1, self._width + 1)])
            if last
            else None
        )


def _opened(file: BinaryIO) -> "Workbook":
    from openpyxl.reader.excel import ExcelReader

    # It warns of what it leaves out: pictures, data validation, styles.
    warnings.filterwarnings("ignore", category=UserWarning, module="openpyxl")
    archive = OfficeArchive(file, "spreadsheet (.xlsx)", UNPACKED_BYTES)
    try:
        reader = ExcelReader(file, read_only=True, data_only=True, keep_links=False)
        reader.archive = archive
        reader.read()
    except (UnreadableDocument, MemoryError):
        raise
    except Exception as error:  # noqa: BLE001 - damaged XML raises any kind of error
        raise_if_short()
        why = reason_of(error)
        reason = f"it is not a spreadsheet (.xlsx), or damaged ({why}); put a sound copy in its place"
        raise UnreadableDocument(reason=reason) from None
    return reader.wb


def _chosen(workbook: "Workbook", wanted: str | None) -> Any:
    sheets = workbook.worksheets
    if wanted is None:
        found = next((sheet for sheet in sheets if sheet.sheet_state == "visible"), None)
        reason = "all of its sheets are hidden"
    else:
        found = next((sheet for sheet in sheets if sheet.title == wanted), None)
        reason = f"it has no sheet {wanted!r}; it has: {named([sheet.title for sheet in sheets])}"
    if found is None:
        raise UnreadableDocument(reason=reason)
    return found


def _records(workbook: Any, sheet: Any) -> Iterator[Record]:
    """Each row in the XML, blank ones too. Raises BrokenOff, and whatever damaged XML raises."""
    from openpyxl.worksheet._reader import DATA_TAG, ROW_TAG, WorkSheetParser
    from openpyxl.xml.functions import iterparse

    with workbook._archive.open(sheet._worksheet_path) as part:  # noqa: SLF001
        parser = WorkSheetParser(
            part,
            sheet._shared_strings,  # noqa: SLF001
            data_only=True,
            epoch=workbook.epoch,
            date_formats=workbook._date_formats,  # noqa: SLF001
            timedelta_formats=workbook._timedelta_formats,  # noqa: SLF001
        )
        last = 0
        for _, element in iterparse(part):
            if element.tag == DATA_TAG:
                return
            if element.tag != ROW_TAG:
                continue
            number, cells = parser.parse_row(element)
            element.clear()
            parser.row_dimensions.clear()
            if number > MOST_ROWS:
                raise BrokenOff(f"a sheet has at most {MOST_ROWS:,} rows")
            # A number that does not grow is a damaged row.
            yield number, _texts(cells) if number > last else {}
            last = max(last, number)


def _texts(cells: list[dict[str, Any]]) -> dict[int, str]:
    return {cell["column"]: cell_text(cell["value"]) for cell in cells if cell["value"] is not None}


def _why(error: Exception) -> str:
    return error.reason if isinstance(error, BrokenOff | UnreadableDocument) else reason_of(error)


def cell_text(value: object) -> str:
    """A cell as text: numbers with 15 digits, as a spreadsheet shows them; dates as ISO 8601; an empty cell is ""."""
    match value:
        case None:
            text = ""
        case str():
            text = _ESCAPED_RETURN.sub("", value)
        case bool():
            text = "TRUE" if value else "FALSE"
        case float():
            text = f"{value:.15g}"
        case datetime() if value.time() == time():
            text = value.date().isoformat()
        case datetime() | date() | time():
            text = value.isoformat()
        case _:
            text = str(value)
    return text
