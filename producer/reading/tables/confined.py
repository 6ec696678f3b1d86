"""Tables that the reader process reads: Parquet and spreadsheets."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from qwenq.producer.reading.column_names import named, shortened
from qwenq.producer.reading.column_values import row_from_columns
from qwenq.producer.reading.formats import Format
from qwenq.producer.reading.notes import Notes
from qwenq.producer.reading.optional_packages import require
from qwenq.producer.reading.reader_process import ReaderProcess
from qwenq.producer.reading.rules import RowRules
from qwenq.producer.reading.sources.source import Source
from qwenq.producer.reading.sources.unpacking import BrokenOff
from qwenq.producer.reading.tables.header import ADVICE, check_header
from qwenq.schemas.documents import BadRow, Row
from qwenq.schemas.errors import UnknownColumn, UnreadableDocument, UnreadableInput

_PACKAGES = {
    Format.PARQUET: ("pyarrow", "parquet", "reading Parquet files"),
    Format.XLSX: ("openpyxl", "excel", "reading spreadsheets"),
}
_ADVICE = "unmerge the header's cells, and remove what stands above it, such as a title"


def read_table(
    source: Source,
    sheet: str | None,
    rules: RowRules,
    reader: ReaderProcess,
    notes: Notes,
    *,
    first_only: bool,
) -> Iterator[Row]:
    """The rows of a Parquet file or a spreadsheet; at most one if `first_only`. `notes` gets what should be known.

    Raises UnreadableInput if the file cannot be read up to its first row, or has a header with a column named twice or
    not at all; UnknownColumn if the text or the id column is missing; MissingExtra.
    """
    assert source.format is not None  # noqa: S101 - the name of a table gives it
    require(*_PACKAGES[source.format])
    table = _Table(source, rules)
    rules.begin_input()
    number = 0
    with source.file.seekable() as file:
        try:
            for piece in reader.table(
                source.format, file, sheet, rules.wanted_columns, first_only=first_only
            ):
                table.learn(piece)
                for note in () if first_only else piece.get("notes", ()):
                    notes.add(source.name, note)
                for number, *given in piece.get("rows", ()):
                    yield table.row(number, given)
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


class _Table:
    """Turns the rows of pieces into documents and bad rows, by what the pieces before them said."""

    def __init__(self, source: Source, rules: RowRules) -> None:
        self._source = source
        self._rules = rules
        self._header: list[str] = []
        self._sheet: str | None = None
        self._where = ""

    def learn(self, piece: Mapping[str, Any]) -> None:
        """Take in what is no row. Raises UnreadableInput, UnknownColumn for a header that does not do."""
        self._where = piece.get("where", self._where)
        if (title := piece.get("title")) and title not in self._rules.named_columns:
            reason = f"its first row, {shortened(title)!r}, seems to be {piece['seems']}"
            where = f" ({self._where})" if self._where else ""
            raise UnreadableInput(source=self._source.name, reason=reason + where)
        self._sheet = piece.get("sheet", self._sheet)
        if (names := piece.get("columns")) is None:
            return
        read = piece.get("read")
        self._header = names if read is None else [names[place] for place in read]
        advice = _ADVICE if self._source.format == Format.XLSX else ADVICE
        if names or self._source.format == Format.PARQUET:
            try:
                check_header(
                    self._source.name,
                    names,
                    self._required(conversations=piece.get("conversations", False)),
                    advice,
                )
            except UnreadableInput as error:
                if self._where:
                    raise UnreadableInput(error.source, f"{error.reason} ({self._where})") from None
                raise
            except UnknownColumn as error:
                if self._where:
                    raise UnknownColumn(
                        error.source, error.column, f"{error.columns} ({self._where})"
                    ) from None
                raise
        for column in self._rules.wanted_columns.required if self._source.format == Format.PARQUET else ():
            if column not in names:
                raise UnknownColumn(self._source.name, column, named(names))

    def _required(self, *, conversations: bool) -> Sequence[str]:
        """The columns that there must be. Conversations need no text."""
        required, text = self._rules.required_columns, self._rules.text_column
        return [column for column in required if column != text] if conversations else required

    def row(self, number: int, given: list[Any]) -> Row:
        """A document or a bad row."""
        source = self._source
        values, *more = given
        if values is None:
            reason, shown = more
            return BadRow.from_raw(source.index, number, shown.encode(), self._told(reason))
        columns = dict(zip(self._header, values, strict=True))
        for place, what in more[0].items() if more else ():
            column = self._header[int(place)]
            if self._rules.uses(column):
                shown = "\t".join(values)
                reason = self._told(f"the cell in its column {shortened(column)!r} {what}")
                return BadRow.from_raw(source.index, number, shown.encode(), reason)
        prefix = source.prefix
        if self._sheet is not None:
            columns.setdefault("sheet", self._sheet)
            prefix += f"{self._sheet}:"
        return row_from_columns(source.index, number, columns, self._rules, f"{prefix}{number}")

    def _told(self, reason: str) -> str:
        return reason if self._sheet is None else f"sheet {self._sheet!r}: {reason}"
