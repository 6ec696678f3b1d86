"""Tell files that are no text tables by their first bytes, whatever they are called, and say what to do."""

import re
from typing import BinaryIO

_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1f]")
_OFFICE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ZIP = b"PK\x03\x04"
_ZIP_PARTS = (
    (b"application/vnd.oasis.opendocument", "an OpenDocument file; save it as .xlsx or CSV"),
    (b"xl/", "a spreadsheet (.xlsx); give --format xlsx, or name it .xlsx"),
    (b"word/", "a Word document (.docx); give --format docx, or name it .docx"),
    (b"ppt/", "a presentation (.pptx); save it as PDF"),
)
_KINDS = (
    (b"PK\x05\x06", "an empty ZIP archive; put the table in its place"),
    (b"%PDF-", "a PDF; give --format pdf, or name it .pdf"),
    (b"PAR1", "a Parquet file; give --format parquet, or name it .parquet"),
    (
        _OFFICE,
        "a file of an Office before 2007 (such as .xls), or one with a password; save it as .xlsx or CSV",
    ),
    (b"{\\rtf", "an RTF document; save it as .docx or CSV"),
    (b"BZh", "packed with bzip2; unpack it, or pack it with gzip or zstd"),
    (b"\xfd7zXZ\0", "packed with xz; unpack it, or pack it with gzip or zstd"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive; unpack it, and give the files in it"),
    (b"Rar!", "a RAR archive; unpack it, and give the files in it"),
    (b"SQLite format 3\0", "an SQLite database; export its table as CSV"),
    (b"\x89PNG", "a picture; run text recognition over it"),
    (b"\xff\xd8\xff", "a picture; run text recognition over it"),
    (b"GIF8", "a picture; run text recognition over it"),
    (b"ARROW1", "an Arrow file; save it as Parquet or CSV"),
    (b"Obj\x01", "an Avro file; save it as Parquet or CSV"),
)
_MARKUP = (
    (
        b"<!doctype html",
        "an HTML page; give --format html to read it as one document, or save its table as CSV",
    ),
    (b"<html", "an HTML page; give --format html to read it as one document, or save its table as CSV"),
    (b"<table", "an HTML page; give --format html to read it as one document, or save its table as CSV"),
    (b"<?xml", "XML; save it as CSV"),
)
_SEEN_BYTES = 64
_SURE_BYTES = 5
_TAR_PLACE, _TAR = 257, b"ustar"
_UTF8_MARK = b"\xef\xbb\xbf"
_WIDE_MARKS = (b"\xff\xfe", b"\xfe\xff")
_TEXT_BYTES = 4096


def foreign_kind(head: bytes) -> str | None:
    """What a file is that is no CSV, and what to do with it; None if it may be one."""
    if head.startswith(_ZIP):
        kind = next((kind for part, kind in _ZIP_PARTS if part in head), None)
        return kind or "a ZIP archive; unpack it, and give the files in it"
    if head[_TAR_PLACE:].startswith(_TAR):
        return "a TAR archive; unpack it, and give the files in it"
    for signature, kind in _KINDS:
        if head.startswith(signature) and not _is_ascii_text(head[:_SEEN_BYTES], signature):
            return kind
    text = head.removeprefix(_UTF8_MARK).lstrip()
    if text[:1] in {b"{", b"["} and text[1:64].lstrip()[:1] in {b'"', b"{", b"}", b"]"}:
        return "JSON; give --format jsonl, or name it .jsonl"
    return next((kind for start, kind in _MARKUP if text[:20].lower().startswith(start)), None)


def kind_instead(file: BinaryIO, *own: bytes) -> str | None:
    """What a file is that does not begin with one of these, and what to do with it; None if that is not known."""
    file.seek(0)
    head = file.read(_TEXT_BYTES)
    file.seek(0)
    if not head:
        return "empty"
    if head.startswith(own):
        return None
    is_text = head.startswith(_WIDE_MARKS) or not _CONTROL.search(head)
    return foreign_kind(head) or (
        "text; if it is a table, give --format csv, or name it .csv" if is_text else None
    )


def _is_ascii_text(head: bytes, signature: bytes) -> bool:
    """Whether a short signature, such as GIF8, may begin the name of a column."""
    return len(signature) < _SURE_BYTES and head.isascii() and not _CONTROL.search(head)
