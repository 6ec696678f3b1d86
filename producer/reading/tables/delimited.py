"""CSV and TSV with a header: each row becomes a JSON object of its columns."""

import csv
import sys
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain

import orjson

from qwenq.producer.reading.lines import LINE_LIMIT, OVER_LONG, bad_row, line_batches
from qwenq.producer.reading.rows import RowRules
from qwenq.producer.reading.sources.source import OpenSource
from qwenq.producer.reading.sources.unpacking import BrokenOff
from qwenq.producer.reading.tables.header import check_header, miscounted
from qwenq.schemas.documents import Document, Row
from qwenq.schemas.errors import InvalidRow, UnreadableInput

# How the csv module words two of its errors; it has no other way to tell them.
_AT_END = "unexpected end of data"
_BARE_RETURN = "new-line character seen in unquoted field"


class _Feed:
    """Lines on their way into the csv module, kept until the row that they belong to is complete.

    The csv module reads on over line ends while a quote is open. Should that row turn out bad, only its
    first line is given up: `give_back` lets the others be read again, so a stray quote costs one line,
    not the rest of the file.
    """

    def __init__(self, blocks: Iterator[bytes]) -> None:
        self._lines = chain.from_iterable(line_batches(blocks))
        self._again: deque[bytes] = deque()
        self.taken: list[bytes] = []
        self.number = 0
        self.broken: BrokenOff | None = None

    def records(self, delimiter: str) -> Iterator[list[str]]:
        """The fields of one row after the other. After an error, ask again to go on behind it.

        Raises csv.Error for broken quoting, and InvalidRow when a row grows above the limit.
        """
        return csv.reader(self._texts(), delimiter=delimiter, strict=True)

    def _texts(self) -> Iterator[str]:
        again, taken = self._again, self.taken
        size = 0
        while (line := again.popleft() if again else self._next()) is not None:
            self.number += 1
            size = size + len(line) if taken else len(line)
            taken.append(line)
            if size > LINE_LIMIT:
                raise InvalidRow(reason=OVER_LONG)
            # Surrogates stand for bytes that are not UTF-8: the row that holds them is refused later.
            yield line.decode("utf-8", "surrogateescape") + "\n"

    def _next(self) -> bytes | None:
        try:
            return next(self._lines, None)
        except BrokenOff as broken:
            self.broken = broken
            return None

    def at_blank_line(self) -> bool:
        """Whether the row that was just completed is a blank line."""
        return len(self.taken) == 1 and not self.taken[0].strip()

    def give_back(self) -> tuple[int, bytes]:
        """Keep only the open row's first line: its number and bytes. The others will come again."""
        first, *others = self.taken
        self._again.extendleft(reversed(others))
        self.number -= len(others)
        self.taken.clear()
        return self.number, first


def read_delimited(source: OpenSource, delimiter: str, rules: RowRules, id_prefix: str) -> Iterator[Row]:
    """The rows of a CSV or TSV input, its header read at once.

    Raises UnreadableInput for a header that is broken or names a column twice, and UnknownColumn when
    it lacks the text or the id column that the job asks for.
    """
    # The module's own limit is one for the whole process: raised, never lowered. _Feed bounds the rows.
    csv.field_size_limit(max(csv.field_size_limit(), sys.maxsize))
    feed = _Feed(source.blocks)
    header = _header(source.name, feed, delimiter)
    if header:
        check_header(source.name, header, rules)
    return _Table(source.index, feed, header, delimiter, rules, id_prefix).rows()


def _header(name: str, feed: _Feed, delimiter: str) -> list[str]:
    """The column names, spaces around them removed; [] for an empty file."""
    try:
        for fields in feed.records(delimiter):
            if not feed.at_blank_line():
                orjson.dumps(fields)
                feed.taken.clear()
                return [column.strip() for column in fields]
            feed.taken.clear()
    except (csv.Error, InvalidRow) as error:
        raise UnreadableInput(source=name, reason=f"its header is broken: {_why(error, feed)}") from None
    except orjson.JSONEncodeError:
        raise UnreadableInput(source=name, reason="its header is not UTF-8") from None
    if feed.broken:
        raise UnreadableInput(source=name, reason=feed.broken.reason)
    return []


@dataclass(frozen=True, slots=True)
class _Table:
    """What lies below a header."""

    source: int
    feed: _Feed
    header: list[str]
    delimiter: str
    rules: RowRules
    id_prefix: str

    def rows(self) -> Iterator[Row]:
        """Every row, blank lines left out."""
        feed, ended = self.feed, False
        while not ended:
            try:
                for fields in feed.records(self.delimiter):
                    row = self._row(fields)
                    feed.taken.clear()
                    if row is not None:
                        yield row
                ended = True
            except (csv.Error, InvalidRow) as error:
                reason = _why(error, feed)
                number, line = feed.give_back()
                if line.strip():
                    yield bad_row(self.source, number, line, reason)
        if feed.broken:
            reason = f"the file broke off here: {feed.broken.reason}"
            yield bad_row(self.source, feed.number + 1, feed.broken.rest, reason)

    def _row(self, fields: list[str]) -> Row | None:
        """The row that was just completed; None for a blank line."""
        feed, header = self.feed, self.header
        number = feed.number - len(feed.taken) + 1
        try:
            if (len(fields) != len(header) or len(header) == 1) and feed.at_blank_line():
                return None
            if len(fields) != len(header):
                raise InvalidRow(reason=miscounted(fields, header))  # noqa: TRY301
            columns = dict(zip(header, fields, strict=True))
            content = orjson.dumps(columns).decode()
            if "\\u0000" in content and any("\0" in field for field in fields):
                raise InvalidRow(reason="it holds a NUL byte")  # noqa: TRY301
            own_id = self.rules.custom_id(columns) or f"{self.id_prefix}{number}"
            self.rules.check(columns)
        except InvalidRow as error:
            return bad_row(self.source, number, b"\n".join(feed.taken), error.reason)
        except orjson.JSONEncodeError:
            return bad_row(self.source, number, b"\n".join(feed.taken), "not valid UTF-8")
        return Document(own_id, self.source, number, content)


def _why(error: csv.Error | InvalidRow, feed: _Feed) -> str:
    if isinstance(error, InvalidRow):
        return error.reason
    if str(error) == _AT_END:
        lines = len(feed.taken)
        return f"the row opens a quote that is never closed ({lines} lines up to the end of the file)"
    if _BARE_RETURN in str(error):
        return "a carriage return stands outside quotes, without a line feed"
    return f"broken quoting: {error}"
