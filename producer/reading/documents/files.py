"""Files that are one document each. Their columns are the text, the file's name and path, and its pages."""

from codecs import BOM_UTF8
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain

from qwenq.producer.reading.column_values import row_from_columns
from qwenq.producer.reading.documents.disguised import disguised_kind
from qwenq.producer.reading.documents.extracted import Extracted
from qwenq.producer.reading.documents.plain import as_document, decoded_as, surely_decoded
from qwenq.producer.reading.foreign_kinds import why_not_read
from qwenq.producer.reading.formats import Format
from qwenq.producer.reading.notes import Notes
from qwenq.producer.reading.optional_packages import require
from qwenq.producer.reading.reader_process import ReaderProcess
from qwenq.producer.reading.rules import RowRules, checked_id
from qwenq.producer.reading.sources.bounded import KeptFolder
from qwenq.producer.reading.sources.files import File
from qwenq.schemas.documents import BadRow, Document, Row
from qwenq.schemas.errors import DocumentFailed, UnknownKind, UnreadableDocument, UnreadableInput

BATCH_FILES = 64
"""The most files that the reader process gets at once."""
BATCH_BYTES = 1 << 20
"""The most bytes that it gets at once, unless one file has more."""
_ENCODED = frozenset({Format.TEXT, Format.HTML})
_PACKAGES = {Format.HTML: "lxml", Format.PDF: "pypdfium2", Format.DOCX: "lxml"}


@dataclass(frozen=True, slots=True)
class DocumentFile:
    """A file that is one document. `path` is its id; `format` is None for a kind that qwenq does not read."""

    file: File
    path: str
    format: Format | None


@dataclass(frozen=True, slots=True)
class DocumentGroup:
    """All the files behind one name that are one document each: together they are one input.

    `allow_partial`: read what can be read of a document with unreadable pages.
    """

    name: str
    index: int
    files: tuple[DocumentFile, ...]
    allow_partial: bool = False

    def check_packages(self) -> None:
        """Raise MissingExtra if the files need a package that is not installed."""
        for kind in sorted({file.format for file in self.files if file.format in _PACKAGES}):
            require(_PACKAGES[kind], "documents", f"reading {kind.upper()} files")

    @property
    def has_encodings(self) -> bool:
        """Whether some files are text whose encoding a person may give."""
        return any(one.format in _ENCODED for one in self.files)

    def rows(
        self, rules: RowRules, reader: ReaderProcess, notes: Notes, encoding: str | None = None
    ) -> Iterator[Row]:
        """One row for each file, numbered from 1. A file that cannot be read is a bad row, which names the file.

        `encoding` is that of text files and HTML, if a person gave it.
        The next batch of files is opened while the reader process extracts the texts of this one.
        """
        number = 0
        waiting: _Begun | None = None
        with KeptFolder() as folder:
            opened = _batches(_Opened(one, folder, encoding) for one in self.files)
            for batch in chain(opened, (None,)):
                last = None
                for one, extracted in waiting.results() if waiting else ():
                    if last:
                        yield last
                    number += 1
                    last = self._row(number, one, extracted, rules)
                    if isinstance(extracted, Extracted) and extracted.note and isinstance(last, Document):
                        notes.add(one.path, extracted.note)
                # All results are there, so the child is free, and need not wait until somebody wants the next row.
                waiting = _Begun(batch, reader, allow_partial=self.allow_partial) if batch else None
                if last:
                    yield last

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
    """A file whose bytes were read, or the reason why not. `outcome` is None while its text must be extracted."""

    __slots__ = ("data", "encoding", "file", "note", "outcome", "size")

    def __init__(self, one: DocumentFile, folder: KeptFolder, encoding: str | None) -> None:
        self.file = one
        self.encoding = encoding
        self.data = b""
        self.note: str | None = None
        self.size = 0
        self.outcome: Extracted | DocumentFailed | None = None
        try:
            self._read(one, folder)
        except UnreadableInput as error:
            self.outcome = UnreadableDocument(reason=error.reason)
        except DocumentFailed as error:
            self.outcome = error

    def _read(self, one: DocumentFile, folder: KeptFolder) -> None:
        if one.format is None:
            raise UnknownKind(reason=why_not_read(one.path))
        checked_id(one.path)
        data = one.file.whole(folder)
        self.size = len(data)
        if (kind := disguised_kind(data, one.format)) is not None:
            raise UnreadableDocument(reason=f"it is {kind}")
        if self.encoding is not None and one.format in _ENCODED:
            text, self.note = decoded_as(data, self.encoding)
            if one.format == Format.TEXT:
                self.outcome = replace(as_document(text), note=self.note)
            else:
                # The mark wins over what the page declares.
                self.data = BOM_UTF8 + text.encode(errors="replace")
        elif one.format == Format.TEXT and (text_or_none := surely_decoded(data)) is not None:
            self.outcome = as_document(text_or_none)
        else:
            self.data = data


class _Begun:
    """Files whose texts come from the reader process, or are there already, or cannot be had."""

    def __init__(self, files: Sequence[_Opened], reader: ReaderProcess, *, allow_partial: bool) -> None:
        self._files = files
        foreign = [(one.file.format, one.data) for one in files if one.outcome is None and one.file.format]
        self._extractions = reader.begin_documents(foreign, allow_partial=allow_partial) if foreign else None

    def results(self) -> Iterator[tuple[DocumentFile, Extracted | DocumentFailed]]:
        """Yield the text of each file, or why there is none, as it comes."""
        extracted = self._extractions.results() if self._extractions else iter(())
        for one in self._files:
            found = one.outcome or next(extracted)
            if one.note is not None and isinstance(found, Extracted):
                found = replace(found, note=one.note)
            yield one.file, found
        # The child is free when its answer was read to the end.
        next(extracted, None)


def _batches(files: Iterable[_Opened]) -> Iterator[list[_Opened]]:
    """Small files together, since a request for each would cost more than many of them take; large ones alone."""
    held: list[_Opened] = []
    size = 0
    for one in files:
        if held and size + one.size > BATCH_BYTES:
            yield held
            held, size = [], 0
        held.append(one)
        size += one.size
        if size >= BATCH_BYTES or len(held) == BATCH_FILES:
            yield held
            held, size = [], 0
    if held:
        yield held


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
