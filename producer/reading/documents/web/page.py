"""HTML: the text that a reader sees, block by block, each table row on one line; no scripts, no styles."""

import re
from html import escape
from typing import TYPE_CHECKING

from qwenq.producer.reading.documents.extracted import Extracted
from qwenq.producer.reading.documents.web.labels import decoded_page
from qwenq.producer.reading.documents.web.shadow import show_shadows
from qwenq.producer.reading.documents.web.text import shown_text
from qwenq.schemas.errors import UnreadableDocument

if TYPE_CHECKING:
    from lxml.html import HtmlElement

HTML_BYTES = 16 * 1024 * 1024
"""The most bytes of a page: the tree takes up to 150 times as much memory."""
MOST_ATTRIBUTES = 1_000
"""The most attributes of a tag: libxml2 compares each with all others."""
_TAG = re.compile(r"""<[A-Za-z](?:[^"'>]+|"[^"]*"|'[^']*')*+""")
_QUOTED = re.compile(r""""[^"]*"|'[^']*'""")
# libxml2 stops silently at 2,048 levels. These tags make no lines, and pages that never close them are deep.
_INLINE = re.compile(
    r"""</?(?:a|abbr|b|bdi|bdo|big|cite|code|del|dfn|em|font|i|ins|kbd|label|mark|nobr|q|s|samp|small|span|"""
    r"""strike|strong|sub|sup|tt|u|var)(?=[\s/>])(?:[^"'>]+|"[^"]*"|'[^']*')*+>""",
    re.IGNORECASE,
)
_BLOCK = re.compile(
    r"""</?(?:article|aside|blockquote|center|dd|div|dl|dt|fieldset|form|li|main|nav|ol|section|ul)(?=[\s/>])"""
    r"""(?:[^"'>]+|"[^"]*"|'[^']*')*+>""",
    re.IGNORECASE,
)
# Browsers take an end that has no beginning for an empty paragraph or a line's end; libxml2 joins the words around it.
_ENDS_ALONE = {"Unexpected end tag : p", "Unexpected end tag : br"}
_END_ALONE = re.compile(r"</(?:(br)|p)(?=[\s/>])[^<>]*+>", re.IGNORECASE)
_IS_XHTML = re.compile(r"""^\s*<\?xml\b|\bxmlns\s*=\s*["']http://www\.w3\.org/1999/xhtml["']""")
_HEAD = 4_096
_SOFT_HYPHEN = "\xad"
# Scripts and styles keep what is marked so; it shows nothing.
_MARKED_AS_TEXT = re.compile(
    r"<(script|style)\b[^<>]*+(?<!/)>.*?(?:</\1\b|\Z)|<!\[CDATA\[(.*?)(?:\]\]>|\Z)", re.DOTALL | re.IGNORECASE
)


def read_web(data: bytes) -> Extracted:
    """The text of an HTML page. Raises UnreadableDocument if it is too large, or its encoding is unclear."""
    if len(data) > HTML_BYTES:
        raise UnreadableDocument(
            reason=f"it has more than {HTML_BYTES >> 20} MiB; split it, or save it as text"
        )
    return Extracted(text_of_html(decoded_page(data)))


def text_of_html(html: str) -> str:
    """The text of a decoded page. Raises UnreadableDocument for too many attributes of a tag or levels of tags."""
    for tag in _TAG.finditer(html):
        if tag.end() - tag.start() > MOST_ATTRIBUTES:
            count = len(_QUOTED.sub("", tag[0]).replace("=", " ").split())
            if count > 2 * MOST_ATTRIBUTES:
                reason = f"a tag in it has more than {MOST_ATTRIBUTES:,} attributes; save it as text"
                raise UnreadableDocument(reason=reason)
    html = html.replace("\0", "")
    if "<![CDATA[" in html and _IS_XHTML.search(html[:_HEAD]):
        html = _MARKED_AS_TEXT.sub(_unmarked, html)
    root = _tree(html)
    if root is None:
        # Deep pages mostly leave tags open; their text stands the same without them.
        html = _INLINE.sub("", html)
        root = _tree(html)
    if root is None:
        root = _tree(_BLOCK.sub("<br>", html))
    if root is None:
        raise UnreadableDocument(reason="its tags are nested deeper than 2,048 levels; save it as text")
    return _text(root)


def _tree(html: str, *, is_mended: bool = False) -> "HtmlElement | None":
    """The elements of a page; None if it is nested too deep."""
    import lxml.etree
    from lxml.html import HTMLParser

    parser = HTMLParser(recover=True, encoding="utf-8", huge_tree=True, remove_comments=True, remove_pis=True)
    data = html.strip().encode("utf-8", "replace") or b"<html/>"
    root = lxml.etree.fromstring(data, parser=parser)
    messages = {error.message for error in parser.error_log}
    if any("depth" in message.lower() for message in messages):
        return None
    if not is_mended and not messages.isdisjoint(_ENDS_ALONE):
        del root, parser
        return _tree(_END_ALONE.sub(_in_full, html), is_mended=True)
    return lxml.etree.fromstring(b"<html/>", parser=parser) if root is None else root


def _in_full(found: re.Match[str]) -> str:
    return "<br>" if found[1] else "</p><p></p>"


def _unmarked(found: re.Match[str]) -> str:
    return found[0] if found[2] is None else escape(found[2], quote=False)


def _text(root: "HtmlElement") -> str:
    # What stands behind the end of a page is read, too: footers of mails, further pages.
    pages = [root, *root.itersiblings()]
    for page in pages:
        show_shadows(page)
    # A soft hyphen is seen only where a line happens to end.
    return shown_text(pages).replace(_SOFT_HYPHEN, "").strip("\n").rstrip()
