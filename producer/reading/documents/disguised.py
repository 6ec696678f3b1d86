"""Tell documents of another kind than their name says by their first bytes."""

from qwenq.producer.reading.formats import Format

_SEEN_BYTES = 64
_UTF8_MARK = b"\xef\xbb\xbf"


def disguised_kind(data: bytes, named: Format) -> str | None:
    """What a document is, and what to do with it, if it is not of the kind that its name says; else None.

    Only kinds that would pass for text, or that Word and browsers open under any name.
    """
    head = data[:_SEEN_BYTES].removeprefix(_UTF8_MARK).lstrip()
    if head.startswith(b"{\\rtf"):
        return "an RTF document; save it as .docx or PDF"
    if head.startswith(b"%PDF-") and named is not Format.PDF:
        return "a PDF; name it .pdf"
    if head.startswith(b"PK\x03\x04") and named is not Format.DOCX:
        return "a Word document; name it .docx" if b"word/" in data else "a ZIP archive; unpack it"
    if head[:5].lower() in {b"<html", b"<!doc"} and named in {Format.PDF, Format.DOCX}:
        return "an HTML page; name it .html"
    return None
