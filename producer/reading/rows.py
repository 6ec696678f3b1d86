"""Read the rows of all inputs of a job."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from itertools import chain, islice
from typing import BinaryIO

from qwenq.producer.reading.documents.files import DocumentGroup
from qwenq.producer.reading.formats import Format
from qwenq.producer.reading.inputs import find_inputs
from qwenq.producer.reading.jsonl import read_jsonl
from qwenq.producer.reading.notes import Notes
from qwenq.producer.reading.reader_process import ReaderProcess
from qwenq.producer.reading.rules import RowRules
from qwenq.producer.reading.sources.access import ANYWHERE, Access
from qwenq.producer.reading.sources.source import Source
from qwenq.producer.reading.tables.confined import read_table
from qwenq.producer.reading.tables.delimited import read_delimited
from qwenq.schemas.documents import BadRow, Row
from qwenq.schemas.errors import (
    InvalidParameter,
    UnknownColumn,
    UnreadableDocument,
    UnreadableInput,
    UsageError,
)
from qwenq.schemas.generation import GenerationParams
from qwenq.schemas.jobs import PromptSpec
from qwenq.schemas.table_options import FOUND_OUT, TableOptions

_CONFINED = (Format.PARQUET, Format.XLSX)
_TEXT_TABLES = (Format.CSV, Format.TSV)


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
    reader: ReaderProcess | None = None,
    tables: TableOptions = FOUND_OUT,
    tell: Callable[[str], object] | None = None,
) -> Rows:
    """Stream the rows of all inputs behind `names`, in order; `-` is `stdin` (default: the process's own).

    `reader` reads foreign formats (default: a process of its own, which ends with the rows). `tables` says how CSV and
    TSV files are laid out; its encoding is that of text files and HTML, too. `tell` gets a line about what was found
    out of an input.
    Opens every file of rows and reads its beginning before it returns. Raises UnreadableInput, UnknownFormat,
    NothingFound, MissingExtra, UnknownProtocol, OutsideRoots, TooManyInputs, UnknownColumn (a table without the text or
    id column, or one of `prompt.columns`), and InvalidParameter for a sheet without a spreadsheet, or columns without a
    Parquet file. A file that was found in a folder or by a pattern, and cannot be read, becomes a bad row instead. The
    stream raises InputTooLarge.
    """
    inputs = find_inputs(names, format, sheet, stdin, access)
    _check_options(tables, inputs)
    _check_columns(prompt, inputs)
    rules, notes = RowRules(prompt, params), Notes(tell)
    with ExitStack() as ends:
        used = ends.enter_context(ReaderProcess()) if reader is None else reader
        opened = [_opened(one, rules, sheet, used, tables, notes) for one in inputs]
        return Rows(tuple(one.name for one in inputs), _stream(opened, ends.pop_all()))


def _check_columns(prompt: PromptSpec, inputs: Sequence[Source | DocumentGroup]) -> None:
    """Raise InvalidParameter for names of columns without a Parquet file."""
    is_named = isinstance(prompt.columns, tuple)
    if is_named and not any(isinstance(one, Source) and one.format == Format.PARQUET for one in inputs):
        raise InvalidParameter(name="--columns", reason="none of the inputs is a Parquet file")


def _stream(opened: Sequence[Callable[[], Iterator[Row]]], ends: ExitStack) -> Iterator[Row]:
    with ends:
        for rows in opened:
            yield from rows()


def _check_options(tables: TableOptions, inputs: Sequence[Source | DocumentGroup]) -> None:
    """Raise InvalidParameter for options of text tables without such a table; an encoding is one of texts, too."""
    if not tables.given or any(isinstance(one, Source) and one.format in _TEXT_TABLES for one in inputs):
        return
    reason = "none of the inputs is a CSV or TSV file"
    if tables.given == "--encoding":
        if any(isinstance(one, DocumentGroup) and one.has_encodings for one in inputs):
            return
        reason = "none of the inputs is a CSV or TSV file, a text file or an HTML page"
    raise InvalidParameter(name=tables.given, reason=reason)


def _opened(
    one: Source | DocumentGroup,
    rules: RowRules,
    sheet: str | None,
    reader: ReaderProcess,
    tables: TableOptions,
    notes: Notes,
) -> Callable[[], Iterator[Row]]:
    """Check an input. Returns the function that reads its rows."""
    if isinstance(one, DocumentGroup):
        one.check_packages()
        return partial(one.rows, rules, reader, notes, tables.encoding)
    return _FileOfRows(one, rules, sheet, reader, tables, notes).rows


class _FileOfRows:
    """A file of rows that was opened once, and is read when the files before it are finished.

    All but the first are closed meanwhile, unless they are pipes: thousands of files must not be open at once.
    """

    def __init__(
        self,
        source: Source,
        rules: RowRules,
        sheet: str | None,
        reader: ReaderProcess,
        tables: TableOptions,
        notes: Notes,
    ) -> None:
        self._source = source
        self._rules = rules
        self._sheet = sheet
        self._reader = reader
        self._tables = tables
        self._notes = notes
        self._opened: Iterator[Row] | None = self._open(first_only=source.index > 0)

    def rows(self) -> Iterator[Row]:
        """All rows. Call it once."""
        return self._opened or self._open(first_only=False) or iter(())

    def _open(self, *, first_only: bool) -> Iterator[Row] | None:
        """Open the file, and read its beginning. If `first_only`, returns None for a file that can be opened again."""
        try:
            first_only = first_only and self._source.file.can_be_read_again()
            rows = self._read(first_only=first_only)
        except UnreadableInput as error:
            return self._refused(error, error.reason)
        except UnknownColumn as error:
            return self._refused(error, f"it has no column {error.column!r}; it has: {error.columns}")
        return None if first_only else rows

    def _refused(self, error: UsageError, reason: str) -> Iterator[Row]:
        """Raise the error for a file that was named; a file that was found is a bad row."""
        if not self._source.found:
            raise error
        raw = self._source.name.encode("utf-8", "backslashreplace")
        return iter([BadRow.from_raw(self._source.index, 1, raw, reason, UnreadableDocument.code)])

    def _read(self, *, first_only: bool) -> Iterator[Row]:
        if self._source.format in _CONFINED:
            rows = read_table(
                self._source, self._sheet, self._rules, self._reader, self._notes, first_only=first_only
            )
            # Now, so that an unreadable file raises here.
            begun = list(rows if first_only else islice(rows, 1))
            return chain(begun, rows)
        opened = self._source.open()
        if opened.format == Format.JSONL:
            return read_jsonl(opened, self._rules, self._source.prefix, self._notes)
        return read_delimited(opened, self._rules, self._source.prefix, self._tables, self._notes)
