"""Text files: UTF-8, else what their bytes say, else what they look like."""

import codecs

from qwenq.producer.reading.documents.extracted import Extracted
from qwenq.schemas.errors import UnreadableDocument

# UTF-32's little-endian mark begins with UTF-16's: it is looked for first.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# What files are found in; of two that fit as well, the first is meant. Others fit by chance more often than not.
_IN_USE = (
    "cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "cp1257", "iso8859_2", "koi8_r",
    "cp932", "euc_jp", "gb18030", "big5", "cp949",
)  # fmt: skip
# A code page is told from another by its letters: a megabyte has enough of them.
_LOOKED_AT_BYTES = 1 << 20


def read_plain(data: bytes) -> Extracted:
    """The text of a text file. Raises UnreadableDocument when its encoding cannot be told."""
    return Extracted(decoded(data).replace("\r\n", "\n"))


def decoded(data: bytes, declared: str | None = None) -> str:
    """The characters behind bytes: by their mark, as UTF-8, as `declared`, or by looking at them.

    Raises UnreadableDocument.
    """
    marked = next((name for mark, name in _MARKS if data.startswith(mark)), None)
    for encoding in (marked, "utf-8", declared):
        text = _tried(data, encoding)
        if text is not None and "\0" not in text:
            return text
    # A byte of zero stands in no text but UTF-16 and UTF-32, which nobody writes without a mark for others to read.
    text = None if b"\0" in data else _tried(data, _looked_at(data))
    if text is None:
        raise UnreadableDocument(reason="it is not text, or in an unknown encoding; save it as UTF-8")
    return text


def _tried(data: bytes, encoding: str | None) -> str | None:
    if encoding is None:
        return None
    try:
        return data.decode(encoding)
    except (UnicodeError, LookupError):
        return None


def _looked_at(data: bytes) -> str | None:
    """The likeliest encoding in which this is text of a language; None when there is none, as of a few words."""
    from charset_normalizer import from_bytes

    fitting = [
        match
        for match in from_bytes(data[:_LOOKED_AT_BYTES], cp_isolation=list(_IN_USE))
        if match.coherence > 0
    ]
    best = min(fitting, key=lambda match: (match.chaos, _IN_USE.index(match.encoding)), default=None)
    return best.encoding if best else None
