"""PDF: the text of its pages, in the order in which the file stores it."""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from qwenq.producer.reading.documents.extracted import Extracted
from qwenq.producer.reading.lines import LINE_LIMIT
from qwenq.producer.reading.shortage import raise_if_short
from qwenq.schemas.errors import UnreadableDocument

if TYPE_CHECKING:
    from pypdfium2 import PdfDocument

_PASSWORD_NEEDED = 4
MOST_PAGES = 10_000
"""The most pages of a PDF."""
# PDFium marks a hyphen at the end of a line. Before a small letter the hyphen split a word; before a capital, as in
# Anglo-Saxon, it belongs there.
_BROKEN_WORD = re.compile(r"(?<=[^\W\d_])[\x02\ufffe](?=[^\W\d_A-Z])")
_HYPHEN = re.compile(r"[\x02\ufffe]")


def read_pdf(data: bytes) -> Extracted:
    """The text of a PDF, with blank lines between pages.

    Raises UnreadableDocument if it is damaged, needs a password, has too many pages, or holds no text (a scan). PDFium
    crashes when several threads use it.
    """
    import pypdfium2

    try:
        with pypdfium2.PdfDocument(data) as pdf:
            count = len(pdf)
            if count > MOST_PAGES:
                reason = f"it has {count:,} pages; the most is {MOST_PAGES:,}. Split it"
                raise UnreadableDocument(reason=reason)
            pages = list(_page_texts(pdf, count))
    except pypdfium2.PdfiumError as error:
        if getattr(error, "err_code", None) == _PASSWORD_NEEDED:
            reason = "it is encrypted; save it without a password"
            raise UnreadableDocument(reason=reason) from None
        raise_if_short()
        reason = f"it is not a PDF, or damaged ({error}); put a sound copy in its place"
        raise UnreadableDocument(reason=reason) from None
    text = "\n\n".join(page for page in pages if page)
    if not text:
        counted = "1 page" if count == 1 else f"{count} pages"
        reason = f"its {counted} hold no text, as in a scan; run text recognition over it"
        raise UnreadableDocument(reason=reason)
    return Extracted(text, count)


def _page_texts(pdf: "PdfDocument", count: int) -> Iterator[str]:
    """The text of each page, until there is more than a row may have."""
    length = 0
    for number in range(count):
        text = _page_text(pdf, number)
        yield text
        length += len(text)
        if length > LINE_LIMIT:
            return


def _page_text(pdf: "PdfDocument", number: int) -> str:
    page = pdf[number]
    try:
        text_page = page.get_textpage()
        try:
            text = text_page.get_text_bounded()
        finally:
            text_page.close()
    finally:
        page.close()
    text = _HYPHEN.sub("-", _BROKEN_WORD.sub("", text))
    return text.replace("\r\n", "\n").replace("\0", "").strip()
