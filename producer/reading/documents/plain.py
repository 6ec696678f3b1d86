"""Text files: decoded by their byte order mark, as UTF-8, or by guessing."""

import codecs
from collections.abc import Iterable

from qwenq.producer.reading.documents.extracted import Extracted
from qwenq.schemas.errors import UnreadableDocument

# UTF-32's little-endian mark begins with UTF-16's, so it is tried first.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# Encodings in use; of two that fit equally well, the first wins. Others mostly fit by chance.
IN_USE = (
    "cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "cp1257", "iso8859_2", "koi8_r",
    "cp932", "euc_jp", "gb18030", "big5", "cp949",
)  # fmt: skip
# A megabyte has enough letters to tell code pages apart.
_GUESSED_BY_BYTES = 1 << 20


def read_plain(data: bytes) -> Extracted:
    """The text of a text file. Raises UnreadableDocument if its encoding is unclear."""
    return as_document(decoded(data))


def as_document(text: str) -> Extracted:
    """A decoded text file."""
    return Extracted(text.replace("\r\n", "\n"))


def surely_decoded(data: bytes) -> str | None:
    """Decode bytes by their mark, or as UTF-8. Returns None if that does not fit, and the encoding must be guessed."""
    return _as_one_of(data, (marked(data), "utf-8"))


def decoded(data: bytes, declared: str | None = None) -> str:
    """Decode bytes: by their mark, as UTF-8, as `declared`, or by guessing. Raises UnreadableDocument."""
    text = _as_one_of(data, (marked(data), "utf-8", declared))
    if text is not None:
        return text
    # Only UTF-16 and UTF-32 text has zero bytes, and files in these have a mark.
    text = None if b"\0" in data else _decoded_as(data, guessed_encoding(data))
    if text is None:
        raise UnreadableDocument(reason="it is not text, or its encoding is unknown; save it as UTF-8")
    return text


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


def guessed_encoding(data: bytes) -> str | None:
    """The likeliest encoding in which this reads as a language; None if none does, as with a few words."""
    from charset_normalizer import from_bytes

    fitting = [
        match
        for match in from_bytes(data[:_GUESSED_BY_BYTES], cp_isolation=list(IN_USE))
        if match.coherence > 0
    ]
    best = min(fitting, key=lambda match: (match.chaos, IN_USE.index(match.encoding)), default=None)
    return best.encoding if best else None
