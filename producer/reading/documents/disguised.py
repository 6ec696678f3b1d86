"""Tell documents of another kind than their name says by their first bytes."""

import re

from qwenq.producer.reading.formats import Format

_SEEN_BYTES = 64
_UTF8_MARK = b"\xef\xbb\xbf"
_HEADER_BYTES = 2_048
_WEB_ARCHIVE = re.compile(rb"(?:\A|\n)content-type:\s*multipart/related\b", re.IGNORECASE)
_MIME = re.compile(rb"(?:\A|\n)mime-version:", re.IGNORECASE)
_KINDS = {
    b"{\\rtf": "an RTF document; save it as .docx or PDF",
    b"bplist00": "a web archive of Safari; save it as page source, with the ending .html",
    b"\x1f\x8b": "compressed by gzip; unpack it",
    b"\x28\xb5\x2f\xfd": "compressed by zstd; unpack it",
    **dict.fromkeys(
        (b"\x89PNG\r\n", b"\xff\xd8\xff", b"II*\0", b"MM\0*"),
        "a picture; run text recognition over it, and save it as text",
    ),
}


def disguised_kind(data: bytes, named: Format) -> str | None:
    """What a document is, and what to do with it, if it is not of the kind that its name says; else None.

    Only kinds that would pass for text, or that Word and browsers open under any name.
    """
    head = data[:_SEEN_BYTES].removeprefix(_UTF8_MARK).lstrip()
    for beginning, kind in _KINDS.items():
        if head.startswith(beginning):
            return kind
    if named is not Format.TEXT and _is_web_archive(data[:_HEADER_BYTES]):
        return "a web archive (MHT); open it in a browser or in Word, and save it as .html or .docx"
    if head.startswith(b"%PDF-") and named is not Format.PDF:
        return "a PDF; name it .pdf"
    if head.startswith(b"PK\x03\x04") and named is not Format.DOCX:
        return "a Word document; name it .docx" if b"word/" in data else "a ZIP archive; unpack it"
    if head[:5].lower() in {b"<html", b"<!doc"} and named in {Format.PDF, Format.DOCX}:
        return "an HTML page; name it .html"
    return None


def _is_web_archive(head: bytes) -> bool:
    return _MIME.search(head) is not None and _WEB_ARCHIVE.search(head) is not None
