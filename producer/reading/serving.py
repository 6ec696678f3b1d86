"""What the reader process serves: the text of a document, or the pieces of a table.

A request is one line of JSON, and behind it a document's bytes. A table's bytes stay with the process that asks, since
they may be many.
"""

from collections.abc import Callable, Iterator
from typing import BinaryIO

import orjson

from qwenq.producer.reading.documents.extracted import Extracted
from qwenq.producer.reading.documents.pdf import read_pdf
from qwenq.producer.reading.documents.plain import read_plain
from qwenq.producer.reading.documents.web import read_web
from qwenq.producer.reading.documents.word import read_word
from qwenq.producer.reading.formats import Format
from qwenq.producer.reading.lines import LINE_LIMIT, OVER_LONG
from qwenq.producer.reading.tables.parquet import parquet_pieces
from qwenq.producer.reading.tables.pieces import refused_piece
from qwenq.producer.reading.tables.spreadsheet import sheet_pieces
from qwenq.schemas.errors import InvalidRow, UnreadableDocument, reason_of

_DOCUMENTS: dict[Format, Callable[[bytes], Extracted]] = {
    Format.TEXT: read_plain,
    Format.HTML: read_web,
    Format.PDF: read_pdf,
    Format.DOCX: read_word,
}


def document_request(kind: Format, data: bytes) -> bytes:
    """The request for the text of a document. The answer is what `Answer` says."""
    return orjson.dumps({"format": kind}) + b"\n" + data


def table_request(kind: Format, sheet: str | None, *, first_only: bool) -> bytes:
    """The request for the pieces of a table: all of them, or those up to the first row."""
    return orjson.dumps({"format": kind, "sheet": sheet, "first_only": first_only}) + b"\n"


def serve(request: bytes, file: BinaryIO | None = None) -> Iterator[bytes]:
    """Answer a request, in the reader process."""
    line, _, data = request.partition(b"\n")
    asked = orjson.loads(line)
    kind = Format(asked["format"])
    if file is None:
        yield _document(kind, data)
        return
    try:
        if kind == Format.PARQUET:
            yield from parquet_pieces(file, first_only=asked["first_only"])
        else:
            yield from sheet_pieces(file, asked["sheet"], first_only=asked["first_only"])
    except UnreadableDocument as error:
        yield refused_piece(error.reason)


def _document(kind: Format, data: bytes) -> bytes:
    """`text` and `pages` of a document, or the `refused` reason why there is none, with its `code`."""
    try:
        extracted = _DOCUMENTS[kind](data)
    except UnreadableDocument as error:
        return _refused(error.code, error.reason)
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001 - damaged files raise any kind of error
        reason = f"it is damaged ({reason_of(error)}); put a sound copy in its place"
        return _refused(UnreadableDocument.code, reason)
    answer = orjson.dumps({"text": extracted.text, "pages": extracted.pages})
    return answer if len(answer) <= LINE_LIMIT else _refused(InvalidRow.code, OVER_LONG)


def _refused(code: str, reason: str) -> bytes:
    shown = reason.encode("utf-8", "backslashreplace").decode()
    return orjson.dumps({"refused": shown, "code": code})
