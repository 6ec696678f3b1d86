"""Spreadsheets (.xlsx): one sheet or all; the first filled row is the header, each cell is the text that it shows.

openpyxl's parser streams a sheet row by row, and gives only the cells that are there. Faster readers hold the whole
rectangle from the first cell to the last: a tiny file with one cell far away takes all memory.
"""

import re
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from functools import cache
from typing import TYPE_CHECKING, Any, BinaryIO

from qwenq.producer.reading.column_names import named
from qwenq.producer.reading.office_archives import OLE_MARK
from qwenq.producer.reading.shortage import raise_if_short
from qwenq.producer.reading.tables.foreign import kind_instead
from qwenq.producer.reading.tables.pieces import (
    bad_row,
    broken_piece,
    columns_piece,
    notes_piece,
    row_pieces,
    sheet_piece,
    title_piece,
    where_piece,
)
from qwenq.producer.reading.tables.sheets.shared_strings import read_string_table
from qwenq.producer.reading.tables.sheets.sheet import Sheet
from qwenq.producer.reading.tables.sheets.strict_namespaces import SpreadsheetArchive
from qwenq.schemas.errors import UnreadableDocument, reason_of

if TYPE_CHECKING:
    from openpyxl import Workbook

UNPACKED_BYTES = 512 * 1024 * 1024
"""The most XML that a spreadsheet may unpack to."""
_WAITS = re.compile(rb"""\bfullCalcOnLoad\s*=\s*["'](?:1|true)["']""")
ALL_SHEETS = "all"
"""Instead of a sheet's name: all sheets that are not hidden."""


def sheet_pieces(file: BinaryIO, sheet: str | None, *, first_only: bool) -> Iterator[bytes]:
    """The header and the rows of a sheet (default: the first that is not hidden), or of all. Blank rows are left out.

    Rows are numbered as in the sheet. Raises UnreadableDocument if it is not a spreadsheet, or has no such sheet.
    """
    with closing(_opened(file)) as workbook:
        chosen = _chosen(workbook, sheet)
        if sheet == ALL_SHEETS and (len(chosen) > 1 or chosen[0].title != sheet):
            yield from _all_pieces([Sheet(workbook, one) for one in chosen], first_only=first_only)
        else:
            others = [one.title for one in workbook.worksheets if one is not chosen[0] and _is_visible(one)]
            # A sheet that was named is wanted as it is.
            table = Sheet(workbook, chosen[0])
            yield from _pieces(table, others if sheet is None else [], first_only=first_only)


def _pieces(table: Sheet, others: Sequence[str], *, first_only: bool) -> Iterator[bytes]:
    """One sheet. `others` are offered when it was taken by default."""
    if others and not table.header:
        raise UnreadableDocument(reason=f"its sheet {table.name!r} is empty; {_offer(others)}")
    if others:
        yield where_piece(f"in its sheet {table.name!r}; {_offer(others)}")
    if table.title:
        yield title_piece(table.title, "a title; remove what stands above the header")
    elif table.begins_with_data:
        yield title_piece(", ".join(table.header), "data; put a row with the names of the columns above it")
    yield columns_piece(table.header)
    if others:
        count = f"{len(others)} more sheet{'s' if len(others) > 1 else ''}: {named(others)}"
        yield notes_piece(
            [f"reading the sheet {table.name!r}; {count} (--sheet NAME or --sheet {ALL_SHEETS})"]
        )
    yield from row_pieces(table.rows(), first_only=first_only)
    if table.broken:
        yield broken_piece(*table.broken)
    if others and not table.filled_rows and not table.broken:
        reason = f"its sheet {table.name!r} has a header and no rows; {_offer(others)}"
        raise UnreadableDocument(reason=reason)
    if notes := table.notes():
        yield notes_piece(notes)


def _all_pieces(tables: Sequence[Sheet], *, first_only: bool) -> Iterator[bytes]:
    """The sheets with the columns that most of them have. Each other sheet is a bad row, unless it is empty."""
    filled = [table for table in tables if table.header]
    counted = Counter(frozenset(table.header) for table in filled)
    columns = counted.most_common(1)[0][0] if counted else frozenset()
    alike = [table for table in filled if frozenset(table.header) == columns]
    header = alike[0].header if alike else []
    yield columns_piece(header)
    for table in filled:
        yield sheet_piece(table.name)
        if frozenset(table.header) != columns or len(table.header) != len(header):
            reason = (
                f"the sheet is left out: it has other columns: {named(table.header)}; read it with --sheet"
            )
            yield from row_pieces([bad_row(1, reason, table.header)], first_only=False)
            continue
        yield from row_pieces(table.rows(header), first_only=first_only)
        if table.broken:
            number, reason = table.broken
            yield from row_pieces([bad_row(number, f"the sheet broke off here: {reason}")], first_only=False)
        if first_only and table.filled_rows:
            return
        if notes := table.notes():
            yield notes_piece([f"sheet {table.name!r}: {note}" for note in notes])


def _offer(others: Sequence[str]) -> str:
    return f"for another sheet, use --sheet NAME: {named(others)}"


def _opened(file: BinaryIO) -> "Workbook":
    from openpyxl.reader import excel
    from openpyxl.workbook.properties import CalcProperties

    excel.ReadOnlyWorksheet = _unmeasured_sheet()  # type: ignore[attr-defined]
    excel.read_string_table = read_string_table  # type: ignore[attr-defined]
    # It warns of what it leaves out: pictures, data validation, styles.
    warnings.filterwarnings("ignore", category=UserWarning, module="openpyxl")
    if (kind := kind_instead(file, b"PK", OLE_MARK)) is not None:
        raise UnreadableDocument(reason=f"it is {kind}")
    archive = SpreadsheetArchive(file, "spreadsheet (.xlsx)", UNPACKED_BYTES)
    try:
        reader = excel.ExcelReader(file, read_only=True, data_only=True, keep_links=False)
        reader.archive = archive
        reader.valid_files = archive  # type: ignore[assignment]
        reader.read()
        # openpyxl takes an attribute that is missing for set.
        waits = _WAITS.search(archive.read(reader.parser.workbook_part_name))
        reader.wb.calculation = CalcProperties(fullCalcOnLoad=waits is not None)
    except (UnreadableDocument, MemoryError):
        raise
    except Exception as error:  # noqa: BLE001 - damaged XML raises any kind of error
        raise_if_short()
        why = reason_of(error)
        reason = f"it is not a spreadsheet (.xlsx), or damaged ({why}); put a sound copy in its place"
        raise UnreadableDocument(reason=reason) from None
    return reader.wb


@cache
def _unmeasured_sheet() -> type[Any]:
    """A sheet whose size is not measured: for that, openpyxl reads all of a sheet that does not give its size."""
    from openpyxl.worksheet._read_only import ReadOnlyWorksheet

    class Unmeasured(ReadOnlyWorksheet):
        def _get_size(self) -> None:
            return

    return Unmeasured


def _chosen(workbook: "Workbook", wanted: str | None) -> list[Any]:
    """The sheets that are wanted: one, or all that are not hidden. Upper and lower case do not matter, as in Excel."""
    sheets = workbook.worksheets
    visible = [sheet for sheet in sheets if _is_visible(sheet)]
    if wanted is None:
        found = visible[:1]
        reason = "all of its sheets are hidden"
    else:
        found = [sheet for sheet in sheets if sheet.title == wanted]
        if not found and wanted == ALL_SHEETS:
            found = visible
        found = found or [sheet for sheet in sheets if sheet.title.casefold() == wanted.casefold()]
        reason = f"it has no sheet {wanted!r}; it has: {named([sheet.title for sheet in sheets])}"
    if not found:
        raise UnreadableDocument(reason=reason)
    return found


def _is_visible(sheet: Any) -> bool:
    return bool(sheet.sheet_state == "visible")
