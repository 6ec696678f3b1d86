"""Files that are one document each: their text, their name, and their pages become the document's columns."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import PurePath

from qwenq.producer.reading.documents.extracted import Extracted
from qwenq.producer.reading.documents.pdf import read_pdf
from qwenq.producer.reading.documents.plain import read_plain
from qwenq.producer.reading.documents.web import read_web
from qwenq.producer.reading.documents.word import read_word
from qwenq.producer.reading.extras import require
from qwenq.producer.reading.formats import Format
from qwenq.producer.reading.lines import bad_row
from qwenq.producer.reading.rows import RowRules, checked_id
from qwenq.producer.reading.sources.files import File
from qwenq.producer.reading.tables.records import first_line, row_of
from qwenq.schemas.documents import BadRow, Row
from qwenq.schemas.errors import InvalidRow, QwenqError, UnknownKind, UnreadableDocument, UnreadableInput

_READERS: dict[Format, Callable[[bytes], Extracted]] = {
    Format.TEXT: read_plain,
    Format.HTML: read_web,
    Format.PDF: read_pdf,
    Format.DOCX: read_word,
}
_PACKAGES = {Format.HTML: "html_text", Format.PDF: "pypdfium2", Format.DOCX: "lxml"}


@dataclass(frozen=True, slots=True)
class DocumentFile:
    """A file that is one document, by the path that names it. Its format is None where no such file is read."""

    file: File
    path: str
    format: Format | None


@dataclass(frozen=True, slots=True)
class DocumentGroup:
    """The files behind one name that are one document each: together one input, however many they are."""

    name: str
    index: int
    files: tuple[DocumentFile, ...]

    def check_packages(self) -> None:
        """Raise MissingExtra when a package that the files need is not installed."""
        for kind in sorted({file.format for file in self.files if file.format in _PACKAGES}):
            require(_PACKAGES[kind], "documents", f"reading {kind.upper()} files")

    def rows(self, rules: RowRules) -> Iterator[Row]:
        """A row a file, numbered from 1 in their order; a file that cannot be read is a bad one, told by its name."""
        for number, one in enumerate(self.files, start=1):
            row = _row(self.index, number, one, rules)
            if isinstance(row, BadRow):
                row = row._replace(raw=shown(one.path), reason=f"{shown(one.path)}: {row.reason}")
            yield row


def base_name(path: str) -> str:
    """The last part of a path or URL."""
    return path.rstrip("/").rpartition("/")[2]


def shown(path: str) -> str:
    """A path as text that every store takes."""
    return path.encode("utf-8", "backslashreplace").decode()


def _row(source: int, number: int, one: DocumentFile, rules: RowRules) -> Row:
    try:
        extracted = _extracted(one)
        own_id = checked_id(one.path)
    except UnreadableInput as error:
        return bad_row(source, number, b"", error.reason, UnreadableDocument.code)
    except (UnreadableDocument, UnknownKind, InvalidRow) as error:
        return bad_row(source, number, b"", error.reason, error.code)
    columns = {
        rules.text_column: extracted.text,
        "file": base_name(one.path),
        "path": one.path,
        "pages": extracted.pages,
    }
    return row_of(source, number, columns, rules, own_id)


def _extracted(one: DocumentFile) -> Extracted:
    if one.format is None:
        ending = PurePath(one.path).suffix
        kind = f"{ending} files" if ending else "files without an ending"
        raise UnknownKind(
            reason=f"qwenq does not read {kind}; convert it, or leave it out by a pattern like '*.pdf'"
        )
    data = one.file.whole()
    try:
        return _READERS[one.format](data)
    except QwenqError:
        raise
    except Exception as error:  # noqa: BLE001 - damaged files raise whatever their reader stumbles over
        raise UnreadableDocument(
            reason=f"it is damaged ({first_line(error)}); put a sound copy in its place"
        ) from None
