"""Files that are one document each. Their columns are the text, the file's name and path, and its pages."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePath

from qwenq.producer.reading.column_values import row_from_columns
from qwenq.producer.reading.documents.extracted import Extracted
from qwenq.producer.reading.documents.plain import as_document, surely_decoded
from qwenq.producer.reading.formats import Format
from qwenq.producer.reading.optional_packages import require
from qwenq.producer.reading.reader_process import Extraction, ReaderProcess
from qwenq.producer.reading.rules import RowRules, checked_id
from qwenq.producer.reading.sources.files import File
from qwenq.schemas.documents import BadRow, Row
from qwenq.schemas.errors import DocumentFailed, UnknownKind, UnreadableDocument, UnreadableInput

_PACKAGES = {Format.HTML: "html_text", Format.PDF: "pypdfium2", Format.DOCX: "lxml"}


@dataclass(frozen=True, slots=True)
class DocumentFile:
    """A file that is one document. `path` is its id; `format` is None for a kind that qwenq does not read."""

    file: File
    path: str
    format: Format | None


@dataclass(frozen=True, slots=True)
class DocumentGroup:
    """All the files behind one name that are one document each: together they are one input."""

    name: str
    index: int
    files: tuple[DocumentFile, ...]

    def check_packages(self) -> None:
        """Raise MissingExtra if the files need a package that is not installed."""
        for kind in sorted({file.format for file in self.files if file.format in _PACKAGES}):
            require(_PACKAGES[kind], "documents", f"reading {kind.upper()} files")

    def rows(self, rules: RowRules, reader: ReaderProcess) -> Iterator[Row]:
        """One row for each file, numbered from 1. A file that cannot be read is a bad row, which names the file.

        The next file is opened while the reader process extracts the text of this one.
        """
        waiting: _Begun | None = None
        for number, one in enumerate(self.files, start=1):
            opened = _Opened(one)
            extracted = waiting and waiting.result()
            begun = opened.begin(reader)
            if waiting and extracted:
                yield self._row(number - 1, waiting.file, extracted, rules)
            waiting = begun
        if waiting:
            yield self._row(len(self.files), waiting.file, waiting.result(), rules)

    def _row(
        self, number: int, one: DocumentFile, extracted: Extracted | DocumentFailed, rules: RowRules
    ) -> Row:
        row = _row(self.index, number, one, extracted, rules)
        if isinstance(row, BadRow):
            row = row._replace(raw=shown(one.path), reason=f"{shown(one.path)}: {row.reason}")
        return row


def base_name(path: str) -> str:
    """The last part of a path or URL."""
    return path.rstrip("/").rpartition("/")[2]


def shown(path: str) -> str:
    """A path as text that every store accepts."""
    return path.encode("utf-8", "backslashreplace").decode()


class _Opened:
    """A file whose bytes were read, or the reason why not."""

    def __init__(self, one: DocumentFile) -> None:
        self._file = one
        self._data = b""
        self._done: Extracted | DocumentFailed | None = None
        try:
            self._read()
        except UnreadableInput as error:
            self._done = UnreadableDocument(reason=error.reason)
        except DocumentFailed as error:
            self._done = error

    def begin(self, reader: ReaderProcess) -> "_Begun":
        """Begin to extract its text, if that is not done yet."""
        kind = self._file.format
        if self._done is not None or kind is None:
            return _Begun(self._file, self._done)
        return _Begun(self._file, reader.begin_document(kind, self._data))

    def _read(self) -> None:
        one = self._file
        if one.format is None:
            ending = PurePath(one.path).suffix
            kind = f"{ending} files" if ending else "files without an ending"
            raise UnknownKind(
                reason=f"qwenq does not read {kind}; convert it, or leave it out with a pattern like '*.pdf'"
            )
        checked_id(one.path)
        self._data = one.file.whole()
        if one.format == Format.TEXT and (text := surely_decoded(self._data)) is not None:
            self._done = as_document(text)


@dataclass(frozen=True, slots=True)
class _Begun:
    """A file whose text comes from the reader process, or is there already, or cannot be had."""

    file: DocumentFile
    outcome: Extraction | Extracted | DocumentFailed | None

    def result(self) -> Extracted | DocumentFailed:
        """Wait for the text."""
        if not isinstance(self.outcome, Extraction):
            assert self.outcome is not None  # noqa: S101
            return self.outcome
        try:
            return self.outcome.result()
        except DocumentFailed as error:
            return error


def _row(
    source: int, number: int, one: DocumentFile, extracted: Extracted | DocumentFailed, rules: RowRules
) -> Row:
    if isinstance(extracted, DocumentFailed):
        return BadRow.from_raw(source, number, b"", extracted.facts["reason"], extracted.code)
    columns = {
        rules.text_column: extracted.text,
        "file": base_name(one.path),
        "path": one.path,
        "pages": extracted.pages,
    }
    return row_from_columns(source, number, columns, rules, one.path)
