"""Files that are one document each. Their columns are the text, the file's name and path, and its pages."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import PurePath

from qwenq.producer.reading.column_values import row_from_columns
from qwenq.producer.reading.documents.extracted import Extracted
from qwenq.producer.reading.documents.pdf import read_pdf
from qwenq.producer.reading.documents.plain import read_plain
from qwenq.producer.reading.documents.web import read_web
from qwenq.producer.reading.documents.word import read_word
from qwenq.producer.reading.formats import Format
from qwenq.producer.reading.optional_packages import require
from qwenq.producer.reading.rules import RowRules, checked_id
from qwenq.producer.reading.sources.files import File
from qwenq.schemas.documents import BadRow, Row
from qwenq.schemas.errors import (
    InvalidRow,
    QwenqError,
    UnknownKind,
    UnreadableDocument,
    UnreadableInput,
    reason_of,
)

_READERS: dict[Format, Callable[[bytes], Extracted]] = {
    Format.TEXT: read_plain,
    Format.HTML: read_web,
    Format.PDF: read_pdf,
    Format.DOCX: read_word,
}
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

    def rows(self, rules: RowRules) -> Iterator[Row]:
        """One row for each file, numbered from 1. A file that cannot be read is a bad row, which names the file."""
        for number, one in enumerate(self.files, start=1):
            row = _row(self.index, number, one, rules)
            if isinstance(row, BadRow):
                row = row._replace(raw=shown(one.path), reason=f"{shown(one.path)}: {row.reason}")
            yield row


def base_name(path: str) -> str:
    """The last part of a path or URL."""
    return path.rstrip("/").rpartition("/")[2]


def shown(path: str) -> str:
    """A path as text that every store accepts."""
    return path.encode("utf-8", "backslashreplace").decode()


def _row(source: int, number: int, one: DocumentFile, rules: RowRules) -> Row:
    try:
        extracted = _extracted(one)
        own_id = checked_id(one.path)
    except UnreadableInput as error:
        return BadRow.from_raw(source, number, b"", error.reason, UnreadableDocument.code)
    except (UnreadableDocument, UnknownKind, InvalidRow) as error:
        return BadRow.from_raw(source, number, b"", error.reason, error.code)
    columns = {
        rules.text_column: extracted.text,
        "file": base_name(one.path),
        "path": one.path,
        "pages": extracted.pages,
    }
    return row_from_columns(source, number, columns, rules, own_id)


def _extracted(one: DocumentFile) -> Extracted:
    if one.format is None:
        ending = PurePath(one.path).suffix
        kind = f"{ending} files" if ending else "files without an ending"
        raise UnknownKind(
            reason=f"qwenq does not read {kind}; convert it, or leave it out with a pattern like '*.pdf'"
        )
    data = one.file.whole()
    try:
        return _READERS[one.format](data)
    except QwenqError:
        raise
    except Exception as error:  # noqa: BLE001 - damaged files raise any kind of error
        raise UnreadableDocument(
            reason=f"it is damaged ({reason_of(error)}); put a sound copy in its place"
        ) from None
