"""CSV and TSV: each row becomes a JSON object by column name."""

import csv
import sys
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, islice

import orjson

from qwenq.producer.reading.column_names import column_name, miscounted
from qwenq.producer.reading.lines import LINE_LIMIT, OVER_LONG, line_batches
from qwenq.producer.reading.notes import Notes
from qwenq.producer.reading.rules import RowRules
from qwenq.producer.reading.sources.source import OpenSource
from qwenq.producer.reading.sources.unpacking import BrokenOff
from qwenq.producer.reading.tables.encodings import UTF8, FoundEncoding
from qwenq.producer.reading.tables.header import check_header, with_leading_names
from qwenq.producer.reading.tables.quoting import USUAL, Quoting
from qwenq.producer.reading.tables.start import find_start
from qwenq.producer.reading.tables.text_table import open_text_table
from qwenq.schemas.documents import BadRow, Document, Row
from qwenq.schemas.errors import InvalidRow, UnreadableInput
from qwenq.schemas.table_options import FOUND_OUT, TableOptions

_HEADER_AGAIN = "it is the header again, as between files that were joined"
# The csv module tells two of its errors apart by their wording only.
_AT_END = "unexpected end of data"
_COMMENT = b"#"
_BARE_RETURN = "new-line character seen in unquoted field"


class _Feed:
    """Feeds lines to the csv module, and keeps the lines of the open row until the row is complete.

    While a quote is open, the csv module reads on over line ends. If that row is bad, only its first line is dropped:
    `give_back` feeds the others again. So a stray quote costs one line, not the rest of the file.
    """

    def __init__(
        self,
        blocks: Iterator[bytes],
        encoding: FoundEncoding,
        quoting: Quoting = USUAL,
        *,
        spaced: bool = False,
    ) -> None:
        self._spaced = spaced
        self._quoting = quoting
        self.comments = False
        """Whether lines that begin so are comments, since some stand above the header."""
        self.encoding = encoding
        self._lines = chain.from_iterable(line_batches(blocks))
        self._again: deque[bytes] = deque()
        self.row_lines: list[bytes] = []
        self.number = 0
        self.broken: BrokenOff | None = None

    def records(self, delimiter: str) -> Iterator[list[str]]:
        """The fields of each row. After an error, call it again to go on behind the row.

        Raises csv.Error for broken quoting, and InvalidRow if a row grows above the limit.
        """
        return self._quoting.records(
            self._texts(), delimiter=delimiter, strict=True, skipinitialspace=self._spaced
        )

    def _texts(self) -> Iterator[str]:
        again, lines, row_lines, encoding = self._again, self._lines, self.row_lines, self.encoding
        size, comments = 0, self.comments
        try:
            while (line := again.popleft() if again else next(lines, None)) is not None:
                self.number += 1
                if comments and not row_lines and line.startswith(_COMMENT):
                    continue
                size = size + len(line) if row_lines else len(line)
                row_lines.append(line)
                if size > LINE_LIMIT:
                    raise InvalidRow(reason=OVER_LONG)
                # Surrogates stand for bytes that the encoding does not have: such a row is refused later.
                yield line.decode(encoding.name, "surrogateescape") + "\n"
        except BrokenOff as broken:
            self.broken = broken

    def skip(self, lines: int) -> None:
        """Leave out the next lines."""
        try:
            for line in islice(self._lines, lines):
                self.number += 1
                self.comments = self.comments or line.startswith(_COMMENT)
        except BrokenOff as broken:
            self.broken = broken

    def width(self, delimiter: str) -> int:
        """The number of fields of the first row, which stays to be read; 0 without a row."""
        try:
            for fields in self.records(delimiter):
                if not self.at_blank_line():
                    return len(fields)
                self.row_lines.clear()
        except (csv.Error, InvalidRow):
            return 1
        finally:
            self._again.extendleft(reversed(self.row_lines))
            self.number -= len(self.row_lines)
            self.row_lines.clear()
        return 0

    def raw(self) -> bytes:
        """The lines of the open row in UTF-8, to show."""
        return self.shown(b"\n".join(self.row_lines))

    def shown(self, raw: bytes) -> bytes:
        """A line in UTF-8, to show."""
        if self.encoding.name == UTF8 or raw.isascii():
            return raw
        return raw.decode(self.encoding.name, "backslashreplace").encode(UTF8, "backslashreplace")

    def at_blank_line(self) -> bool:
        """Whether the complete row is a blank line."""
        return len(self.row_lines) == 1 and not self.row_lines[0].strip()

    def give_back(self) -> tuple[int, bytes]:
        """Feed the open row's lines again, all but the first. Returns the first line's number and bytes."""
        first, *others = self.row_lines
        self._again.extendleft(reversed(others))
        self.number -= len(others)
        self.row_lines.clear()
        return self.number, first


def read_delimited(
    source: OpenSource,
    rules: RowRules,
    id_prefix: str,
    options: TableOptions = FOUND_OUT,
    notes: Notes | None = None,
) -> Iterator[Row]:
    """The rows of a CSV or TSV input. The header is read before this returns.

    What `options` leave open is found out from the beginning, and noted. Raises UnreadableInput for what is no table,
    a broken header or a column named twice, and UnknownColumn if the text or the id column is missing.
    """
    # The csv module has one limit for the whole process: raise it, never lower it. _Feed bounds the rows.
    csv.field_size_limit(max(csv.field_size_limit(), sys.maxsize))
    notes = notes or Notes()
    table = open_text_table(source, options, notes)
    start = find_start(source, table, rules, options)
    if found := [*start.found, *table.found]:
        notes.add(source.name, ", ".join(found))
    feed = _Feed(table.blocks, table.encoding, start.quoting, spaced=start.spaced)
    feed.skip(start.skipped)
    if feed.comments:
        notes.add(source.name, "lines that begin with # are left out, as those above the header")
    if options.header is False:
        header = [f"column{place}" for place in range(1, feed.width(start.delimiter) + 1)]
    else:
        header = _header(source.name, feed, start.delimiter, start.filled)
        header, unnamed = with_leading_names(header)
        if unnamed:
            notes.add(source.name, unnamed)
    if header:
        check_header(source.name, header, rules.required_columns, start.advice)
    return _Table(source.index, feed, header, start.delimiter, rules, id_prefix, start.quoting).rows()


def _header(name: str, feed: _Feed, delimiter: str, filled: int) -> list[str]:
    """The column names without surrounding spaces; [] for an empty file.

    Empty names behind the columns that are filled are left out.
    """
    try:
        for fields in feed.records(delimiter):
            if not feed.at_blank_line():
                orjson.dumps(fields)
                raw = b"\n".join(feed.row_lines)
                if feed.encoding.is_guessed and (doubt := feed.encoding.doubt(raw)):
                    raise UnreadableInput(source=name, reason=f"its header: {doubt}")
                feed.row_lines.clear()
                columns = [column_name(column) for column in fields]
                while len(columns) > max(filled, 1) and not columns[-1]:
                    columns.pop()
                return columns
            feed.row_lines.clear()
    except (csv.Error, InvalidRow) as error:
        raise UnreadableInput(source=name, reason=f"its header is broken: {_why(error, feed)}") from None
    except orjson.JSONEncodeError:
        why = feed.encoding.why_undecodable(b"\n".join(feed.row_lines))
        raise UnreadableInput(source=name, reason=f"its header is {why}") from None
    if feed.broken:
        raise UnreadableInput(source=name, reason=feed.broken.reason)
    return []


@dataclass(frozen=True, slots=True)
class _Table:
    """The rows below a header."""

    source: int
    feed: _Feed
    header: list[str]
    delimiter: str
    rules: RowRules
    id_prefix: str
    quoting: Quoting = USUAL

    def rows(self) -> Iterator[Row]:
        """All rows but blank lines."""
        feed, ended = self.feed, False
        self.rules.begin_input()
        plain = self.quoting.plain if self.quoting.nulls else None
        while not ended:
            try:
                for fields in feed.records(self.delimiter):
                    row = self._row(fields if plain is None else plain(fields))
                    feed.row_lines.clear()
                    if row is not None:
                        yield row
                ended = True
            except (csv.Error, InvalidRow) as error:
                reason = _why(error, feed)
                number, line = feed.give_back()
                if line.strip():
                    yield BadRow.from_raw(self.source, number, feed.shown(line), reason)
        if feed.broken:
            reason = f"the file broke off here: {feed.broken.reason}"
            yield BadRow.from_raw(self.source, feed.number + 1, feed.broken.rest, reason)

    def _row(self, fields: list[str]) -> Row | None:
        """The complete row; None for a blank line."""
        feed, header = self.feed, self.header
        number = feed.number - len(feed.row_lines) + 1
        try:
            if (width := len(header)) == 1 or len(fields) != width:
                if feed.at_blank_line():
                    return None
                fields = self._fitted(fields)
            elif fields == header:
                raise InvalidRow(reason=_HEADER_AGAIN)  # noqa: TRY301
            columns = dict(zip(header, fields))  # noqa: B905 - as many; `strict` would take time for each row
            content = orjson.dumps(columns).decode()
            if "\\u0000" in content and any("\0" in field for field in fields):
                raise InvalidRow(reason="it holds a NUL byte")  # noqa: TRY301
            if feed.encoding.is_guessed and (doubt := feed.encoding.doubt(b"\n".join(feed.row_lines))):
                raise InvalidRow(reason=doubt)  # noqa: TRY301
            own_id = self.rules.custom_id(columns) or f"{self.id_prefix}{number}"
            self.rules.check(columns)
        except InvalidRow as error:
            return BadRow.from_raw(self.source, number, feed.raw(), error.reason)
        except orjson.JSONEncodeError:
            why = feed.encoding.why_undecodable(b"\n".join(feed.row_lines))
            return BadRow.from_raw(self.source, number, feed.raw(), why)
        return Document(own_id, self.source, number, content)

    def _fitted(self, fields: list[str]) -> list[str]:
        """A row without empty fields behind the last column. Raises InvalidRow for another number of fields."""
        columns = len(self.header)
        if len(fields) < columns or any(fields[columns:]):
            raise InvalidRow(reason=miscounted(len(fields), columns))
        return fields[:columns]


def _why(error: csv.Error | InvalidRow, feed: _Feed) -> str:
    if isinstance(error, InvalidRow):
        return error.reason
    if str(error) == _AT_END:
        lines = "1 line" if len(feed.row_lines) == 1 else f"{len(feed.row_lines)} lines"
        return f"the row opens a quote that is never closed ({lines} up to the end of the file)"
    if _BARE_RETURN in str(error):
        return "a carriage return stands outside quotes, without a line feed; write line feeds, or quote the field"
    return f"broken quoting: {error}"
