"""Spreadsheets (.xlsx): read one sheet; its first filled row is the header, each cell is the text that it shows.

openpyxl's read-only mode streams a sheet row by row. Faster readers hold the whole rectangle from the first cell to the
last: a tiny file with one cell far away takes all memory.
"""

import re
import warnings
from collections.abc import Iterator
from contextlib import closing
from datetime import date, datetime, time
from functools import partial
from typing import TYPE_CHECKING, Any, BinaryIO

from qwenq.producer.reading.column_values import row_from_columns
from qwenq.producer.reading.office_archives import check_archive
from qwenq.producer.reading.optional_packages import require
from qwenq.producer.reading.rules import RowRules, named
from qwenq.producer.reading.sources.source import Source
from qwenq.producer.reading.sources.unpacking import BLOCK_BYTES, BrokenOff
from qwenq.producer.reading.tables.header import check_header, miscounted
from qwenq.producer.reading.tables.merged_cells import filled, merged_ranges
from qwenq.schemas.documents import BadRow, Row
from qwenq.schemas.errors import UnreadableDocument, UnreadableInput, reason_of

if TYPE_CHECKING:
    from openpyxl import Workbook

UNPACKED_BYTES = 512 * 1024 * 1024
"""The most XML that a spreadsheet may unpack to."""
MOST_ROWS = 1 << 20
"""The most rows that a sheet can have."""
_HEADER_ADVICE = "unmerge the header's cells, and remove what stands above it, such as a title"
_ESCAPED_RETURN = re.compile("_x000D_", re.IGNORECASE)


def read_spreadsheet(source: Source, sheet: str | None, rules: RowRules) -> Iterator[Row]:
    """The rows below the header of a sheet (default: the first that is not hidden). Blank rows are left out.

    Rows are numbered as in the sheet. Raises UnreadableInput if it is not a spreadsheet, has no such sheet, or has a
    header with a column named twice or not at all; UnknownColumn if the text or the id column is missing; MissingExtra.
    """
    require("openpyxl", "excel", "reading spreadsheets")
    with source.file.seekable() as file, closing(_opened(source.name, file)) as workbook:
        records = _records(workbook, _chosen(source.name, workbook, sheet))
        try:
            _, names = next(records, (0, []))
            header = [name.strip() for name in names]
            if header:
                check_header(source.name, header, rules, _HEADER_ADVICE)
        except BrokenOff as broken:
            raise UnreadableInput(source=source.name, reason=broken.reason) from None
        number = 1
        try:
            for number, fields in records:
                yield _row(source, number, fields, header, rules)
        except BrokenOff as broken:
            yield BadRow.from_raw(source.index, number + 1, b"", f"the file broke off here: {broken.reason}")


def _opened(name: str, file: BinaryIO) -> "Workbook":
    from openpyxl import load_workbook

    # It warns of what it leaves out: pictures, data validation, styles.
    warnings.filterwarnings("ignore", category=UserWarning, module="openpyxl")
    try:
        check_archive(file, "spreadsheet (.xlsx)", UNPACKED_BYTES)
        file.seek(0)
        return load_workbook(file, read_only=True, data_only=True, keep_links=False)
    except UnreadableDocument as error:
        raise UnreadableInput(source=name, reason=error.reason) from None
    except Exception as error:  # noqa: BLE001 - damaged XML raises any kind of error
        why = reason_of(error)
        reason = f"it is not a spreadsheet (.xlsx), or damaged ({why}); put a sound copy in its place"
        raise UnreadableInput(source=name, reason=reason) from None


def _chosen(name: str, workbook: "Workbook", wanted: str | None) -> Any:
    sheets = workbook.worksheets
    if wanted is None:
        found = next((sheet for sheet in sheets if sheet.sheet_state == "visible"), None)
        reason = "all of its sheets are hidden"
    else:
        found = next((sheet for sheet in sheets if sheet.title == wanted), None)
        reason = f"it has no sheet {wanted!r}; it has: {named([sheet.title for sheet in sheets])}"
    if found is None:
        raise UnreadableInput(source=name, reason=reason)
    return found


def _records(workbook: Any, sheet: Any) -> Iterator[tuple[int, list[str]]]:
    """The number and the cells of each row that is not blank, without empty cells at its end. Raises BrokenOff."""
    try:
        # Read-only mode ignores merged cells: the XML names them behind the rows.
        with workbook._archive.open(sheet._worksheet_path) as part:  # noqa: SLF001
            ranges = merged_ranges(iter(partial(part.read, BLOCK_BYTES), b""))
        # Many programs write a wrong sheet size, and reading would end there.
        sheet.reset_dimensions()
        for number, row in enumerate(filled(sheet.iter_rows(values_only=True), ranges), start=1):
            if number > MOST_ROWS:
                raise BrokenOff(f"a sheet has at most {MOST_ROWS:,} rows")  # noqa: TRY301
            fields = [cell_text(value) for value in row]
            while fields and not fields[-1]:
                fields.pop()
            if fields:
                yield number, fields
    except BrokenOff:
        raise
    except Exception as error:  # noqa: BLE001 - so does damaged XML
        raise BrokenOff(reason_of(error)) from None


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


def _row(source: Source, number: int, fields: list[str], header: list[str], rules: RowRules) -> Row:
    if len(fields) > len(header):
        return BadRow.from_raw(source.index, number, "\t".join(fields).encode(), miscounted(fields, header))
    fields += [""] * (len(header) - len(fields))
    columns = dict(zip(header, fields, strict=True))
    return row_from_columns(source.index, number, columns, rules, f"{source.prefix}{number}")
