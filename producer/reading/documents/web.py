"""HTML: the text that a reader sees, block by block, each table row on one line; no scripts, no styles."""

import re

from qwenq.producer.reading.documents.extracted import Extracted
from qwenq.producer.reading.documents.plain import decoded

_DECLARED = re.compile(rb"""charset\s*=\s*["']?\s*([\w.:-]+)""", re.IGNORECASE)
_HEAD_BYTES = 2_048


def read_web(data: bytes) -> Extracted:
    """The text of an HTML page. Raises UnreadableDocument if its encoding is unclear."""
    found = _DECLARED.search(data[:_HEAD_BYTES])
    return Extracted(text_of_html(decoded(data, found[1].decode("ascii", "replace") if found else None)))


def text_of_html(html: str) -> str:
    """The text of a decoded page."""
    import html_text

    text: str = html_text.extract_text(html)
    return text
