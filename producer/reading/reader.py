"""From the names of the inputs to their rows."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import BinaryIO

from qwenq.producer.reading.documents.files import DocumentGroup
from qwenq.producer.reading.formats import Format
from qwenq.producer.reading.jsonl import read_jsonl
from qwenq.producer.reading.lines import bad_row
from qwenq.producer.reading.rows import RowRules
from qwenq.producer.reading.sources.inputs import find_inputs
from qwenq.producer.reading.sources.source import Source
from qwenq.producer.reading.tables.delimited import read_delimited
from qwenq.schemas.documents import Row
from qwenq.schemas.errors import UnknownColumn, UnreadableDocument, UnreadableInput, UsageError
from qwenq.schemas.generation import GenerationParams
from qwenq.schemas.jobs import PromptSpec


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of a job's inputs, to be gone through once; `sources` names these, `Row.source` is a place in it."""

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
) -> Rows:
    """The rows of all inputs behind `names` in order, streamed; `-` is `stdin` (by default the process's own).

    Every file of rows is opened and its beginning read before this returns. Raises UnreadableInput, UnknownFormat,
    NothingFound, MissingExtra, TooManyInputs, UnknownColumn (a table without the text or id column), and
    InvalidParameter for a sheet where there is no spreadsheet. A file that was found in a folder or by a pattern, and
    cannot be read, is a bad row instead.
    """
    inputs = find_inputs(names, format, sheet, stdin)
    rules = RowRules(prompt, params)
    turns = [_turn(one, rules, sheet) for one in inputs]
    return Rows(tuple(one.name for one in inputs), chain.from_iterable(turn() for turn in turns))


def _turn(one: Source | DocumentGroup, rules: RowRules, sheet: str | None) -> Callable[[], Iterator[Row]]:
    if isinstance(one, DocumentGroup):
        one.check_packages()
        return partial(one.rows, rules)
    return _Turn(one, rules, sheet).rows


class _Turn:
    """One file of rows that waits for its turn.

    A plain file is tried, then closed and opened again: thousands of them must not all be open at once. One that was
    found among others and cannot be read is a bad row: it must not stop them.
    """

    def __init__(self, source: Source, rules: RowRules, sheet: str | None) -> None:
        self._source = source
        self._rules = rules
        self._sheet = sheet
        self._opened: Iterator[Row] | None = self._tried()
        if source.index > 0 and source.file.can_be_read_again():
            self._opened = None

    def rows(self) -> Iterator[Row]:
        """The rows from the first one on; to be asked for once."""
        return self._tried() if self._opened is None else self._opened

    def _tried(self) -> Iterator[Row]:
        try:
            return self._open()
        except UnreadableInput as error:
            return self._given_up(error, error.reason)
        except UnknownColumn as error:
            return self._given_up(error, f"it has no column {error.column!r}; it has: {error.columns}")

    def _given_up(self, error: UsageError, reason: str) -> Iterator[Row]:
        if not self._source.found:
            raise error
        raw = self._source.name.encode("utf-8", "backslashreplace")
        return iter([bad_row(self._source.index, 1, raw, reason, UnreadableDocument.code)])

    def _open(self) -> Iterator[Row]:
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
        delimiter = "\t" if opened.format == Format.TSV else ","
        return read_delimited(opened, delimiter, self._rules, self._source.prefix)


def _begun(rows: Iterator[Row]) -> Iterator[Row]:
    """The same rows; what cannot be read at all is found out now."""
    return chain([first for first in [next(rows, None)] if first is not None], rows)
