"""What a PDF page gives: its text, and whether that is the page's whole text."""

import ctypes
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from qwenq.producer.reading.documents.pdf_fields import field_lines
from qwenq.producer.reading.documents.pdf_layers import leave_out_hidden
from qwenq.producer.reading.documents.pdf_turned import text_of_page
from qwenq.producer.reading.documents.pdf_typed_over import typed_over

if TYPE_CHECKING:
    from pypdfium2 import PdfDocument, PdfPage, PdfTextPage

# PDFium marks a hyphen at the end of a line. Before a small letter the hyphen split a word; before a capital, as in
# Anglo-Saxon, it belongs there.
_BROKEN_WORD = re.compile(r"(?<=[^\W\d_])[\x02\ufffe](?=[^\W\d_A-Z])")
_HYPHEN = re.compile(r"[\x02\ufffe]")
# What fonts without a map to Unicode give. A sign that stands alone is a bullet or a tick of a symbol font.
_NO_LETTER = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ufffd\ufffe\uffff\ue000-\uf8ff]")
_BULLET = re.compile(r"(?:(?<=\s)|^)[\ue000-\uf8ff](?=\s|$)")
GARBLED_SHARE = 0.1
"""A page is garbled if more of its signs are no letters. The few that ligatures and symbols cost stay below."""
_UNMAPPED_GARBLED_SHARE = 0.04
"""The same, if PDFium says itself that most signs have no map: words may then be long, and only spaces look strange."""
_MOST_TRIED = 500
LITTLE_TEXT = 200
"""A scan may bear so many characters that were stamped on it: page numbers, the header of a court."""
SCAN_SHARE = 0.7
"""Pictures that cover more of a page with little text are a scan."""
PICTURE_SHARE = 0.1
"""Pictures that cover more of a page without any text may show text."""
OUTLINES = 100
"""So many drawn shapes on a page without any text may be letters that were turned into curves."""
_SMALL_LETTERS = 0.03
"""Stamped lines are lower than this share of the page; titles over a picture are higher."""
_SLANT = 0.05
_MOST_DRAWINGS = 20_000
_DEPTH = 4


class PageState(StrEnum):
    """How much of a page its text is."""

    WHOLE = "whole"
    SCAN = "scan"
    GARBLED = "garbled"


@dataclass(frozen=True, slots=True)
class PageText:
    """The text of a page, with what was typed over it and filled in; only the latter, if it cannot be read."""

    text: str
    state: PageState


def read_page(pdf: "PdfDocument", number: int, *, has_layers: bool) -> PageText:
    """Read a page, counted from 0. `has_layers`: some of its text may be switched off."""
    page = pdf[number]
    try:
        if has_layers:
            leave_out_hidden(page)
        text_page = page.get_textpage()
        try:
            printed = _clean(text_of_page(pdf, number, page, text_page, has_layers=has_layers))
            fields = field_lines(page, text_page)
            state = _state(page, text_page, printed)
            typed = typed_over(page, text_page, number)
        finally:
            text_page.close()
        texts = [printed if state == PageState.WHOLE else "", *map(_clean, typed), "\n".join(fields)]
    finally:
        page.close()
    return PageText("\n\n".join(text for text in texts if text), state)


def _clean(text: str) -> str:
    text = _HYPHEN.sub("-", _BROKEN_WORD.sub("", text))
    return text.replace("\r\n", "\n").replace("\0", "").strip()


def _state(page: "PdfPage", text_page: "PdfTextPage", text: str) -> PageState:
    signs = len("".join(text.split()))
    if signs:
        strange = len(_NO_LETTER.findall(_BULLET.sub("", text)))
        if strange > GARBLED_SHARE * signs or (
            strange > _UNMAPPED_GARBLED_SHARE * signs and _is_mostly_unmapped(text_page)
        ):
            return PageState.GARBLED
    if signs > LITTLE_TEXT:
        return PageState.WHOLE
    pictures, shapes = _drawn_shares(page)
    if not signs:
        return PageState.SCAN if pictures > PICTURE_SHARE or shapes >= OUTLINES else PageState.WHOLE
    if pictures > SCAN_SHARE and _is_stamped(page, text_page):
        return PageState.SCAN
    return PageState.WHOLE


def _is_mostly_unmapped(text_page: "PdfTextPage") -> bool:
    import pypdfium2.raw as pdfium

    count = min(text_page.count_chars(), _MOST_TRIED)
    unmapped = sum(pdfium.FPDFText_HasUnicodeMapError(text_page, place) == 1 for place in range(count))
    return bool(2 * unmapped > count)


def _drawn_shares(page: "PdfPage") -> tuple[float, int]:
    """Which share of the page pictures cover, and how many shapes are drawn on it."""
    import pypdfium2.raw as pdfium

    area = page.get_width() * page.get_height()
    covered, shapes = 0.0, 0
    for kind, drawn, scale in _drawings(page):
        if kind == pdfium.FPDF_PAGEOBJ_IMAGE:
            covered += scale * _area(drawn)
        shapes += kind == pdfium.FPDF_PAGEOBJ_PATH
    return (covered / area if area else 0.0), shapes


def _drawings(page: "PdfPage") -> Iterator[tuple[int, Any, float]]:
    """What is drawn on a page, also in drawings within it, with its kind; and how much its own areas are enlarged."""
    import pypdfium2.raw as pdfium

    waiting: list[tuple[Any, float, int]] = []
    seen = 0
    for place in range(pdfium.FPDFPage_CountObjects(page)):
        waiting.append((pdfium.FPDFPage_GetObject(page, place), 1.0, 0))
        while waiting:
            drawn, scale, depth = waiting.pop()
            seen += 1
            if seen > _MOST_DRAWINGS:
                return
            kind = pdfium.FPDFPageObj_GetType(drawn)
            yield kind, drawn, scale
            if kind == pdfium.FPDF_PAGEOBJ_FORM and depth < _DEPTH:
                matrix = pdfium.FS_MATRIX()
                if pdfium.FPDFPageObj_GetMatrix(drawn, matrix):
                    scale *= abs(matrix.a * matrix.d - matrix.b * matrix.c)
                count = min(pdfium.FPDFFormObj_CountObjects(drawn), _MOST_DRAWINGS - seen)
                waiting += [
                    (pdfium.FPDFFormObj_GetObject(drawn, inner), scale, depth + 1) for inner in range(count)
                ]


def _area(drawn: Any) -> float:
    import pypdfium2.raw as pdfium

    left, bottom, right, top = (ctypes.c_float() for _ in range(4))
    if not pdfium.FPDFPageObj_GetBounds(drawn, left, bottom, right, top):
        return 0.0
    return float(max(right.value - left.value, 0) * max(top.value - bottom.value, 0))


def _is_stamped(page: "PdfPage", text_page: "PdfTextPage") -> bool:
    """Whether the text over a picture is small or slanted, as what is stamped on scans, and painted.

    Text recognition puts its text on a scan too, but invisibly.
    """
    import pypdfium2.raw as pdfium

    most = _SMALL_LETTERS * page.get_height()
    for place in range(min(text_page.count_chars(), 4 * LITTLE_TEXT)):
        drawn = pdfium.FPDFText_GetTextObject(text_page, place)
        if drawn and pdfium.FPDFTextObj_GetTextRenderMode(drawn) == pdfium.FPDF_TEXTRENDERMODE_INVISIBLE:
            return False
        quarters = pdfium.FPDFText_GetCharAngle(text_page, place) / (math.pi / 2)
        if abs(quarters - round(quarters)) > _SLANT:
            continue
        left, bottom, right, top = text_page.get_charbox(place, loose=True)
        if (right - left if round(quarters) % 2 else top - bottom) > most:
            return False
    return True
