"""PDF: the text of its pages, in the order of the page's own text."""

import re
import threading
from typing import TYPE_CHECKING

from qwenq.producer.reading.documents.extracted import Extracted
from qwenq.schemas.errors import UnreadableDocument

if TYPE_CHECKING:
    from pypdfium2 import PdfDocument

_PASSWORD_NEEDED = 4
# PDFium is for one thread at a time, and beat submits several inputs at once: it would crash.
_ALONE = threading.Lock()
# PDFium puts a mark where a hyphen ends a line. Before a small letter it broke a word, in Anglo-Saxon it did not.
_BROKEN_WORD = re.compile(r"(?<=[^\W\d_])[\x02\ufffe](?=[^\W\d_A-Z])")
_HYPHEN = re.compile(r"[\x02\ufffe]")


def read_pdf(data: bytes) -> Extracted:
    """The text of a PDF, pages parted by blank lines.

    Raises UnreadableDocument when it is damaged, needs a password, or holds no text, as a scan does.
    """
    import pypdfium2

    try:
        with _ALONE, pypdfium2.PdfDocument(data) as pdf:
            pages = [_page_text(pdf, number) for number in range(len(pdf))]
    except pypdfium2.PdfiumError as error:
        if getattr(error, "err_code", None) == _PASSWORD_NEEDED:
            reason = "it is encrypted; save it without a password"
            raise UnreadableDocument(reason=reason) from None
        reason = f"it is no PDF, or damaged ({error}); put a sound copy in its place"
        raise UnreadableDocument(reason=reason) from None
    text = "\n\n".join(page for page in pages if page)
    if not text:
        told = "1 page" if len(pages) == 1 else f"{len(pages)} pages"
        reason = f"it has {told} without text, as a scan has; run text recognition over it"
        raise UnreadableDocument(reason=reason)
    return Extracted(text, len(pages))


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
