"""Read the rows of all inputs of a job."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import BinaryIO

from qwenq.producer.reading.documents.files import DocumentGroup
from qwenq.producer.reading.formats import Format
from qwenq.producer.reading.inputs import find_inputs
from qwenq.producer.reading.jsonl import read_jsonl
from qwenq.producer.reading.rules import RowRules
from qwenq.producer.reading.sources.access import ANYWHERE, Access
from qwenq.producer.reading.sources.source import Source
from qwenq.producer.reading.tables.delimited import read_delimited
from qwenq.schemas.documents import BadRow, Row
from qwenq.schemas.errors import UnknownColumn, UnreadableDocument, UnreadableInput, UsageError
from qwenq.schemas.generation import GenerationParams
from qwenq.schemas.jobs import PromptSpec


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of a job's inputs, to be iterated once. `sources` names the inputs; `Row.source` is a place in it."""

    sources: tuple[str, ...]
    stream: Iterator[Row]

    def __iter__(self) -> Iterator[Row]:
        return self.stream


def read_rows(
    names: Sequence[str],
    format: Format | None,  # noqa: A002 - the word of the command line
    prompt: PromptSpec,
    params: GenerationParams,
    stdin: BinaryIO | None = None,
    sheet: str | None = None,
    access: Access = ANYWHERE,
) -> Rows:
    """Stream the rows of all inputs behind `names`, in order; `-` is `stdin` (default: the process's own).

    Opens every file of rows and reads its beginning before it returns. Raises UnreadableInput, UnknownFormat,
    NothingFound, MissingExtra, UnknownProtocol, OutsideRoots, TooManyInputs, UnknownColumn (a table without the text or
    id column), and InvalidParameter for a sheet without a spreadsheet. A file that was found in a folder or by a
    pattern, and cannot be read, becomes a bad row instead. The stream raises InputTooLarge.
    """
    inputs = find_inputs(names, format, sheet, stdin, access)
    rules = RowRules(prompt, params)
    opened = [_opened(one, rules, sheet) for one in inputs]
    return Rows(tuple(one.name for one in inputs), chain.from_iterable(rows() for rows in opened))


def _opened(one: Source | DocumentGroup, rules: RowRules, sheet: str | None) -> Callable[[], Iterator[Row]]:
    """Check an input. Returns the function that reads its rows."""
    if isinstance(one, DocumentGroup):
        one.check_packages()
        return partial(one.rows, rules)
    return _FileOfRows(one, rules, sheet).rows


class _FileOfRows:
    """A file of rows that was opened once, and is read when the files before it are finished.

    All but the first are closed meanwhile, unless they are pipes: thousands of files must not be open at once.
    """

    def __init__(self, source: Source, rules: RowRules, sheet: str | None) -> None:
        self._source = source
        self._rules = rules
        self._sheet = sheet
        self._opened: Iterator[Row] | None = self._open()
        if source.index > 0 and source.file.can_be_read_again():
            self._opened = None

    def rows(self) -> Iterator[Row]:
        """All rows. Call it once."""
        return self._open() if self._opened is None else self._opened

    def _open(self) -> Iterator[Row]:
        try:
            return self._read()
        except UnreadableInput as error:
            return self._refused(error, error.reason)
        except UnknownColumn as error:
            return self._refused(error, f"it has no column {error.column!r}; it has: {error.columns}")

    def _refused(self, error: UsageError, reason: str) -> Iterator[Row]:
        """Raise the error for a file that was named; a file that was found is a bad row."""
        if not self._source.found:
            raise error
        raw = self._source.name.encode("utf-8", "backslashreplace")
        return iter([BadRow.from_raw(self._source.index, 1, raw, reason, UnreadableDocument.code)])

    def _read(self) -> Iterator[Row]:
        match self._source.format:
            case Format.PARQUET:
                from qwenq.producer.reading.tables.parquet import read_parquet

                return _begun(read_parquet(self._source, self._rules))
            case Format.XLSX:
                from qwenq.producer.reading.tables.spreadsheet import read_spreadsheet

                return _begun(read_spreadsheet(self._source, self._sheet, self._rules))
        opened = self._source.open()
        if opened.format == Format.JSONL:
            return read_jsonl(opened, self._rules, self._source.prefix)
        return read_delimited(opened, self._rules, self._source.prefix)


def _begun(rows: Iterator[Row]) -> Iterator[Row]:
    """Read the first row now, so that an unreadable file raises here. Returns all rows."""
    return chain([first for first in [next(rows, None)] if first is not None], rows)
