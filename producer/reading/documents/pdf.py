"""PDF: the text of its pages, in the order in which the file stores it, with what was filled in and typed over it."""

import logging
from collections.abc import Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from qwenq.producer.reading.documents.extracted import Extracted
from qwenq.producer.reading.documents.pdf_layers import may_have_layers
from qwenq.producer.reading.documents.pdf_pages import PageState, PageText, read_page
from qwenq.producer.reading.lines import LINE_LIMIT
from qwenq.producer.reading.shortage import raise_if_short
from qwenq.schemas.errors import UnreadableDocument, reason_of

if TYPE_CHECKING:
    from pypdfium2 import PdfDocument

_PASSWORD_NEEDED = 4
MOST_PAGES = 10_000
"""The most pages of a PDF."""
_LEFT_OUT = "pages that cannot be read were left out (--allow-partial); its text says which"
_PLACEHOLDER_PAGES = 3
_PLACEHOLDER_CHARS = 4_000
_COVER_CHARS = 600
_RANGES = 8
"""The most ranges of pages that a reason names."""


def read_pdf(data: bytes, *, allow_partial: bool = False) -> Extracted:
    """The text of a PDF, with blank lines between pages. PDFium crashes when several threads use it.

    Raises UnreadableDocument if it is damaged, needs a password, has too many pages, is a form that only Adobe's
    programs show, or holds no text. So it does if some pages are scans or garbled, unless `allow_partial`.
    """
    import pypdfium2

    try:
        with pypdfium2.PdfDocument(data) as pdf:
            count = len(pdf)
            if count > MOST_PAGES:
                reason = f"it has {count:,} pages; the most is {MOST_PAGES:,}. Split it"
                raise UnreadableDocument(reason=reason)
            pages = _pages(pdf, count, has_layers=may_have_layers(data))
            form = pdf.get_formtype()
            attached = pdf.count_attachments()
    except pypdfium2.PdfiumError as error:
        if getattr(error, "err_code", None) == _PASSWORD_NEEDED:
            reason = "it is encrypted; save it without a password"
            raise UnreadableDocument(reason=reason) from None
        raise_if_short()
        reason = f"it is not a PDF, or damaged ({reason_of(error)}); put a sound copy in its place"
        raise UnreadableDocument(reason=reason) from None
    text = "\n\n".join(page.text for page in pages if page.text and page.state != PageState.GARBLED)
    if _is_placeholder(form, count, text):
        reason = (
            "it is an XFA form, which only Adobe's programs show: its pages hold a placeholder. Open it in Adobe "
            "Acrobat or Reader, and print it to a new PDF"
        )
        raise UnreadableDocument(reason=reason)
    if attached and count <= _PLACEHOLDER_PAGES and _is_cover(text):
        reason = "it is a portfolio: its text is in attached files; save them as files of their own"
        raise UnreadableDocument(reason=reason)
    lacking = _lacking(pages)
    if lacking and not (allow_partial and text):
        advice = "run text recognition over it"
        if text:
            advice += ", or give --allow-partial to go on with the other pages"
        raise UnreadableDocument(reason=f"{lacking}; {advice}")
    if not text:
        counted = "1 page holds" if count == 1 else f"{count} pages hold"
        reason = f"its {counted} no text, as in a scan; run text recognition over it, or leave out blank ones"
        raise UnreadableDocument(reason=reason)
    return Extracted(_with_gaps(pages), count, _LEFT_OUT) if lacking else Extracted(text, count)


def _pages(pdf: "PdfDocument", count: int, *, has_layers: bool) -> list[PageText]:
    """All pages, until there is more text than a row may have."""
    if pdf.get_formtype():
        # It warns about XFA, which is refused below.
        logging.getLogger("pypdfium2").setLevel(logging.ERROR)
        pdf.init_forms()
    pages = []
    length = 0
    for number in range(count):
        page = read_page(pdf, number, has_layers=has_layers)
        pages.append(page)
        length += len(page.text)
        if length > LINE_LIMIT:
            break
    return pages


def _is_placeholder(form: int, count: int, text: str) -> bool:
    """Whether the pages only ask for Adobe's programs, in any language, since the form is drawn by these."""
    import pypdfium2.raw as pdfium

    if form not in (pdfium.FORMTYPE_XFA_FULL, pdfium.FORMTYPE_XFA_FOREGROUND):
        return False
    if form == pdfium.FORMTYPE_XFA_FULL and not text:
        return True
    return count <= _PLACEHOLDER_PAGES and len(text) <= _PLACEHOLDER_CHARS and "adobe" in text.lower()


def _is_cover(text: str) -> bool:
    """Whether a page says only that Adobe's programs open the portfolio behind it, in most languages."""
    lowered = text.lower()
    return len(text) <= _COVER_CHARS and "adobe" in lowered and "portfolio" in lowered


def _with_gaps(pages: Sequence[PageText]) -> str:
    """The text of all pages; where some were left out, the text says so."""
    count = len(pages)
    pieces: list[str] = []
    for state, run in groupby(enumerate(pages, 1), lambda numbered: numbered[1].state):
        numbered = list(run)
        texts = [page.text for _, page in numbered if page.text]
        pieces += texts
        if state == PageState.WHOLE:
            continue
        first, last = numbered[0][0], numbered[-1][0]
        which = f"Page {first} of {count} is" if first == last else f"Pages {first}-{last} of {count} are"
        why = "a scan without a text layer" if state == PageState.SCAN else "garbled"
        pieces.append(f"[{which} left out: {why}]")
    return "\n\n".join(pieces)


def _lacking(pages: Sequence[PageText]) -> str:
    """Which pages cannot be read, and why; "" if all can."""
    count = len(pages)
    why = {
        PageState.SCAN: ("has no text layer: it is a scan", "have no text layer: they are scans"),
        PageState.GARBLED: (
            "is garbled: its fonts do not say which letters they hold",
            "are garbled: their fonts do not say which letters they hold",
        ),
    }
    said = []
    for state, (one, several) in why.items():
        numbers = [number for number, page in enumerate(pages, 1) if page.state == state]
        if len(numbers) == count == 1:
            said.append(f"its page {one}")
        elif len(numbers) == count:
            said.append(f"all {count} pages {several}")
        elif numbers:
            noun, verb = ("page", one) if len(numbers) == 1 else ("pages", several)
            said.append(f"{noun} {_ranges(numbers)} of {count} {verb}")
    return "; ".join(said)


def _ranges(numbers: Sequence[int]) -> str:
    """`2-4, 7` for 2, 3, 4 and 7."""
    ranges: list[list[int]] = []
    for number in numbers:
        if ranges and ranges[-1][1] == number - 1:
            ranges[-1][1] = number
        else:
            ranges.append([number, number])
    named = [str(first) if first == last else f"{first}-{last}" for first, last in ranges[:_RANGES]]
    rest = sum(last - first + 1 for first, last in ranges[_RANGES:])
    return ", ".join(named) + (f" and {rest} more" if rest else "")
