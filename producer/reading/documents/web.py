"""HTML: the text that a reader sees, block by block, each table row on one line; no scripts, no styles."""

import re

from qwenq.producer.reading.documents.extracted import Extracted
from qwenq.producer.reading.documents.plain import decoded
from qwenq.schemas.errors import UnreadableDocument

HTML_BYTES = 16 * 1024 * 1024
"""The most bytes of a page: the tree takes up to 150 times as much memory."""
MOST_ATTRIBUTES = 1_000
"""The most attributes of a tag: libxml2 compares each with all others."""
_TAG = re.compile(r"""<[A-Za-z](?:[^"'>]+|"[^"]*"|'[^']*')*+""")
_QUOTED = re.compile(r""""[^"]*"|'[^']*'""")
_DECLARED = re.compile(rb"""charset\s*=\s*["']?\s*([\w.:-]+)""", re.IGNORECASE)
_HEAD_BYTES = 2_048


def read_web(data: bytes) -> Extracted:
    """The text of an HTML page. Raises UnreadableDocument if it is too large, or its encoding is unclear."""
    if len(data) > HTML_BYTES:
        raise UnreadableDocument(
            reason=f"it has more than {HTML_BYTES >> 20} MiB; split it, or save it as text"
        )
    found = _DECLARED.search(data[:_HEAD_BYTES])
    return Extracted(text_of_html(decoded(data, found[1].decode("ascii", "replace") if found else None)))


def text_of_html(html: str) -> str:
    """The text of a decoded page. Raises UnreadableDocument for a tag with too many attributes."""
    import html_text

    for tag in _TAG.finditer(html):
        if tag.end() - tag.start() > MOST_ATTRIBUTES:
            count = len(_QUOTED.sub("", tag[0]).replace("=", " ").split())
            if count > 2 * MOST_ATTRIBUTES:
                reason = f"a tag in it has more than {MOST_ATTRIBUTES:,} attributes; save it as text"
                raise UnreadableDocument(reason=reason)
    text: str = html_text.extract_text(html)
    return text
