"""Spreadsheets (.xlsx): one sheet, its first filled row the header, each cell as the text that it shows.

openpyxl's read-only mode streams a sheet row by row. Faster readers hold the whole rectangle from the first cell to the
last, so that a file of a few bytes with one cell far away takes all memory.
"""

import re
import warnings
from collections.abc import Iterator
from contextlib import closing
from datetime import date, datetime, time
from functools import partial
from typing import TYPE_CHECKING, Any, BinaryIO

from qwenq.producer.reading.documents.archives import check_archive
from qwenq.producer.reading.extras import require
from qwenq.producer.reading.lines import bad_row
from qwenq.producer.reading.rows import RowRules, named
from qwenq.producer.reading.sources.source import Source
from qwenq.producer.reading.sources.unpacking import BLOCK_BYTES, BrokenOff
from qwenq.producer.reading.tables.header import check_header, miscounted
from qwenq.producer.reading.tables.merged_cells import filled, merged_ranges
from qwenq.producer.reading.tables.records import first_line, row_of
from qwenq.schemas.documents import Row
from qwenq.schemas.errors import UnreadableDocument, UnreadableInput

if TYPE_CHECKING:
    from openpyxl import Workbook

UNPACKED_BYTES = 512 * 1024 * 1024
"""Most bytes of XML behind a spreadsheet."""
MOST_ROWS = 1 << 20
"""Rows that a sheet can have."""
_HEADER_ADVICE = "unmerge the header's cells, and remove what stands above it, such as a title"
_ESCAPED_RETURN = re.compile("_x000D_", re.IGNORECASE)


def read_spreadsheet(source: Source, sheet: str | None, rules: RowRules) -> Iterator[Row]:
    """The rows below the header of a sheet, the first that is not hidden by default; blank rows are left out.

    A row goes by its number in the sheet. Raises UnreadableInput for what is no spreadsheet or has no such sheet, and
    for a header that names a column twice or not at all, UnknownColumn when it lacks the text or the id column,
    MissingExtra.
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
            yield bad_row(source.index, number + 1, b"", f"the file broke off here: {broken.reason}")


def _opened(name: str, file: BinaryIO) -> "Workbook":
    from openpyxl import load_workbook

    # What it warns of is what it leaves out beside values: pictures, rules for input, styles.
    warnings.filterwarnings("ignore", category=UserWarning, module="openpyxl")
    try:
        check_archive(file, "spreadsheet (.xlsx)", UNPACKED_BYTES)
        file.seek(0)
        return load_workbook(file, read_only=True, data_only=True, keep_links=False)
    except UnreadableDocument as error:
        raise UnreadableInput(source=name, reason=error.reason) from None
    except Exception as error:  # noqa: BLE001 - damaged XML raises whatever its reader stumbles over
        why = first_line(error)
        reason = f"it is not a spreadsheet (.xlsx), or damaged ({why}); put a sound copy in its place"
        raise UnreadableInput(source=name, reason=reason) from None


def _chosen(name: str, workbook: "Workbook", wanted: str | None) -> Any:
    sheets = workbook.worksheets
    if wanted is None:
        found = next((sheet for sheet in sheets if sheet.sheet_state == "visible"), None)
        reason = "it has no sheet to be seen"
    else:
        found = next((sheet for sheet in sheets if sheet.title == wanted), None)
        reason = f"it has no sheet {wanted!r}; it has: {named([sheet.title for sheet in sheets])}"
    if found is None:
        raise UnreadableInput(source=name, reason=reason)
    return found


def _records(workbook: Any, sheet: Any) -> Iterator[tuple[int, list[str]]]:
    """The number and the cells of each row that is not blank, empty cells at its end left out. Raises BrokenOff."""
    try:
        # Read-only mode knows nothing of merged cells: they are named behind the rows.
        with workbook._archive.open(sheet._worksheet_path) as part:  # noqa: SLF001
            ranges = merged_ranges(iter(partial(part.read, BLOCK_BYTES), b""))
        # Many programs write a wrong size of the sheet, at which reading would end.
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
    except Exception as error:  # noqa: BLE001 - the same of damaged XML
        raise BrokenOff(first_line(error)) from None


def cell_text(value: object) -> str:
    """A cell as text: numbers to 15 digits, as a spreadsheet shows them; dates as ISO 8601; the empty cell is ""."""
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
        return bad_row(source.index, number, "\t".join(fields).encode(), miscounted(fields, header))
    fields += [""] * (len(header) - len(fields))
    columns = dict(zip(header, fields, strict=True))
    return row_of(source.index, number, columns, rules, f"{source.prefix}{number}")
