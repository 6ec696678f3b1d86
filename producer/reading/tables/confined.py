"""Tables that the reader process reads: Parquet and spreadsheets."""

from collections.abc import Iterator
from typing import Any

from qwenq.producer.reading.column_values import row_from_columns
from qwenq.producer.reading.formats import Format
from qwenq.producer.reading.optional_packages import require
from qwenq.producer.reading.reader_process import ReaderProcess
from qwenq.producer.reading.rules import RowRules
from qwenq.producer.reading.sources.source import Source
from qwenq.producer.reading.sources.unpacking import BrokenOff
from qwenq.producer.reading.tables.header import ADVICE, check_header
from qwenq.schemas.documents import BadRow, Row
from qwenq.schemas.errors import UnreadableDocument, UnreadableInput

_PACKAGES = {
    Format.PARQUET: ("pyarrow", "parquet", "reading Parquet files"),
    Format.XLSX: ("openpyxl", "excel", "reading spreadsheets"),
}
_ADVICE = {Format.XLSX: "unmerge the header's cells, and remove what stands above it, such as a title"}


def read_table(
    source: Source, sheet: str | None, rules: RowRules, reader: ReaderProcess, *, first_only: bool
) -> Iterator[Row]:
    """The rows of a Parquet file or a spreadsheet; at most one if `first_only`.

    Raises UnreadableInput if the file cannot be read up to its first row, or has a header with a column named twice or
    not at all; UnknownColumn if the text or the id column is missing; MissingExtra.
    """
    assert source.format is not None  # noqa: S101 - the name of a table gives it
    require(*_PACKAGES[source.format])
    header: list[str] = []
    number = 0
    with source.file.seekable() as file:
        try:
            for piece in reader.table(source.format, file, sheet, first_only=first_only):
                if (names := piece.get("columns")) is not None:
                    header = names
                    if header or source.format == Format.PARQUET:
                        check_header(source.name, header, rules, _ADVICE.get(source.format, ADVICE))
                for number, *given in piece.get("rows", ()):
                    yield _row(source, number, given, header, rules)
                if broken := piece.get("broken"):
                    yield _broken_off(source, *broken)
        except UnreadableDocument as error:
            if not number:
                raise UnreadableInput(source=source.name, reason=error.reason) from None
            yield _broken_off(source, number + 1, error.reason)._replace(code=error.code)
        except BrokenOff as broken:
            if not number:
                raise UnreadableInput(source=source.name, reason=broken.reason) from None
            yield _broken_off(source, number + 1, broken.reason)


def _broken_off(source: Source, number: int, reason: str) -> BadRow:
    return BadRow.from_raw(source.index, number, b"", f"the file broke off here: {reason}")


def _row(source: Source, number: int, given: list[Any], header: list[str], rules: RowRules) -> Row:
    values, *bad = given
    if values is None:
        reason, shown = bad
        return BadRow.from_raw(source.index, number, shown.encode(), reason)
    columns = dict(zip(header, values, strict=True))
    return row_from_columns(source.index, number, columns, rules, f"{source.prefix}{number}")
