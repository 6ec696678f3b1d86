"""Text files: decoded by their byte order mark, as UTF-8, as a person says, or by guessing."""

import codecs
from collections.abc import Iterable

from qwenq.producer.reading.documents.extracted import Extracted
from qwenq.producer.reading.tables.encodings import evidence_of, wide_without_mark
from qwenq.producer.reading.tables.guessing import guess, guessed_encoding
from qwenq.schemas.errors import UnreadableDocument

_WIDE_BYTES = 1 << 16
GIVE_IT = "save it as UTF-8, or give it with --encoding"

# UTF-32's little-endian mark begins with UTF-16's, so it is tried first.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def read_plain(data: bytes) -> Extracted:
    """The text of a text file. Raises UnreadableDocument if its encoding is unclear."""
    return as_document(decoded(data))


def as_document(text: str) -> Extracted:
    """A decoded text file."""
    return Extracted(text.replace("\r\n", "\n"))


def surely_decoded(data: bytes) -> str | None:
    """Decode bytes by their mark, or as UTF-8. Returns None if that does not fit, and the encoding must be guessed."""
    return _as_one_of(data, (marked(data), "utf-8"))


def decoded_as(data: bytes, given: str) -> tuple[str, str | None]:
    """Decode bytes as a person says, and note where that is surely wrong. Raises UnreadableDocument.

    One option holds for all files of a folder: a file with a mark is read by it, and one that is UTF-8 as UTF-8, since
    no text of another encoding looks like it by chance.
    """
    # Text in UTF-16 or UTF-32 has zero bytes.
    is_narrow = data.isascii() and given.startswith(("utf-16", "utf-32")) and b"\0" not in data
    sure = surely_decoded(data) if marked(data) or is_narrow or not data.isascii() else None
    if sure is not None:
        is_other = not is_narrow and (marked(data) or "utf-8").partition("-sig")[0] not in given
        return sure, "it is in Unicode, and read so in spite of --encoding" if is_other else None
    text = _as_one_of(data, (given,))
    if text is None:
        reason = f"it is not {given}; leave out --encoding, give another for this file, or save it as UTF-8"
        raise UnreadableDocument(reason=reason)
    return text, None


def decoded(data: bytes, declared: str | None = None) -> str:
    """Decode bytes: by their mark, as UTF-8, as `declared`, or by guessing. Raises UnreadableDocument."""
    text = _as_one_of(data, (marked(data), "utf-8", declared))
    if text is not None:
        return text
    # Only UTF-16 and UTF-32 text has zero bytes.
    if b"\0" in data:
        text = _as_one_of(data, (wide_without_mark(data[:_WIDE_BYTES]),))
    else:
        text = _decoded_as(data, _guessed(data))
    if text is None:
        raise UnreadableDocument(reason=f"it is not text, or its encoding is unknown; {GIVE_IT}")
    return text


def _guessed(data: bytes) -> str | None:
    """The encoding in which the text reads as a language. Raises UnreadableDocument if others fit better."""
    known = guessed_encoding(data)
    if known is None:
        return None
    found = guess(evidence_of(data))
    if found.encoding is None and found.readings:
        shown = ", ".join(f"{name} reads {word!r}" for name, word in found.readings)
        raise UnreadableDocument(reason=f"its encoding is not sure; {GIVE_IT}: {shown}")
    return found.encoding or known


def marked(data: bytes) -> str | None:
    """The encoding that a byte order mark names; None without a mark."""
    return next((name for mark, name in _MARKS if data.startswith(mark)), None)


def _as_one_of(data: bytes, encodings: Iterable[str | None]) -> str | None:
    for encoding in encodings:
        text = _decoded_as(data, encoding)
        if text is not None and "\0" not in text:
            return text
    return None


def _decoded_as(data: bytes, encoding: str | None) -> str | None:
    if encoding is None:
        return None
    try:
        return data.decode(encoding)
    except (UnicodeError, LookupError):
        return None
