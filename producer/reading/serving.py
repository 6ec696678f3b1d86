"""What the reader process serves: the texts of documents, or the pieces of a table.

A request is one line of JSON, and behind it the bytes of documents. A table's bytes stay with the process that asks,
since they may be many.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import BinaryIO

import orjson

from qwenq.producer.reading.documents.extracted import Extracted
from qwenq.producer.reading.documents.pdf import read_pdf
from qwenq.producer.reading.documents.plain import read_plain
from qwenq.producer.reading.documents.web.page import read_web
from qwenq.producer.reading.documents.word.document import read_word
from qwenq.producer.reading.formats import Format
from qwenq.producer.reading.lines import LINE_LIMIT, OVER_LONG
from qwenq.producer.reading.parquet.rows import parquet_pieces
from qwenq.producer.reading.parquet.wanted import WantedColumns
from qwenq.producer.reading.shortage import raise_if_short
from qwenq.producer.reading.tables.pieces import refused_piece
from qwenq.producer.reading.tables.sheets.spreadsheet import sheet_pieces
from qwenq.schemas.errors import InvalidRow, UnreadableDocument, reason_of

_DOCUMENTS: dict[Format, Callable[[bytes], Extracted]] = {
    Format.TEXT: read_plain,
    Format.HTML: read_web,
    Format.DOCX: read_word,
}


def documents_request(documents: Sequence[tuple[Format, bytes]], *, allow_partial: bool = False) -> bytes:
    """The request for the texts of documents. The answer has a piece for each, in order."""
    asked = [[kind, len(data)] for kind, data in documents]
    head = orjson.dumps({"documents": asked, "allow_partial": allow_partial})
    return b"".join([head, b"\n", *(data for _, data in documents)])


def table_request(kind: Format, sheet: str | None, wanted: WantedColumns, *, first_only: bool) -> bytes:
    """The request for the pieces of a table: all of them, or those up to the first row."""
    asked = {"format": kind, "sheet": sheet, "columns": wanted.as_json(), "first_only": first_only}
    return orjson.dumps(asked) + b"\n"


def serve(request: bytes, file: BinaryIO | None = None) -> Iterator[bytes]:
    """Answer a request, in the reader process."""
    end = request.index(b"\n") + 1
    asked = orjson.loads(request[:end])
    if file is None:
        for kind, length in asked["documents"]:
            yield _document(Format(kind), request[end : end + length], allow_partial=asked["allow_partial"])
            end += length
        return
    kind = Format(asked["format"])
    try:
        if kind == Format.PARQUET:
            wanted = WantedColumns.from_json(asked["columns"])
            yield from parquet_pieces(file, wanted, first_only=asked["first_only"])
        else:
            yield from sheet_pieces(file, asked["sheet"], first_only=asked["first_only"])
    except UnreadableDocument as error:
        yield refused_piece(error.reason)


def _document(kind: Format, data: bytes, *, allow_partial: bool) -> bytes:
    """`text`, `pages` and `note` of a document, or the `refused` reason why there is none, with its `code`."""
    try:
        is_pdf = kind == Format.PDF
        extracted = read_pdf(data, allow_partial=allow_partial) if is_pdf else _DOCUMENTS[kind](data)
    except UnreadableDocument as error:
        return _refused(error.code, error.reason)
    except (MemoryError, ImportError):
        raise
    except Exception as error:  # noqa: BLE001 - damaged files raise any kind of error
        raise_if_short()
        reason = f"it is damaged ({reason_of(error)}); put a sound copy in its place"
        return _refused(UnreadableDocument.code, reason)
    answer = orjson.dumps({"text": extracted.text, "pages": extracted.pages, "note": extracted.note})
    return answer if len(answer) <= LINE_LIMIT else _refused(InvalidRow.code, OVER_LONG)


def _refused(code: str, reason: str) -> bytes:
    shown = reason.encode("utf-8", "backslashreplace").decode()
    return orjson.dumps({"refused": shown, "code": code})
