"""Text of PDF pages that is not upright: PDFium joins the words of its lines, or turns their order round."""

import math
from collections import Counter
from typing import TYPE_CHECKING, Any

from qwenq.producer.reading.documents.pdf_layers import leave_out_hidden
from qwenq.producer.reading.documents.pdf_scripts import with_scripts

if TYPE_CHECKING:
    from pypdfium2 import PdfDocument, PdfPage, PdfTextPage

_LOOKED_AT = 128
"""The most characters whose direction is looked at."""
_FEW = 2
_MOST_DRAWINGS = 5_000
"""PDFium takes longer for each drawing that it removes from a page, the more the page has."""
_SLANT = 0.1
_QUARTER = math.pi / 2
# What sets text upright that is turned clockwise by so many quarters.
_UPRIGHT = ((1, 0, 0, 1), (0, 1, -1, 0), (-1, 0, 0, -1), (0, -1, 1, 0))


def text_of_page(
    pdf: "PdfDocument", number: int, page: "PdfPage", text_page: "PdfTextPage", *, has_layers: bool
) -> str:
    """The text of a page. What runs in another direction than most of it stands behind it."""
    import pypdfium2.raw as pdfium

    directions = _directions(text_page)
    if len(directions) > 1 and pdfium.FPDFPage_CountObjects(page) > _MOST_DRAWINGS:
        directions = directions[:1]
    if directions in ([], [0]) and (not page.get_rotation() or not text_page.count_chars()):
        return with_scripts(text_page, text_page.get_text_bounded())
    media, crop, rotation = page.get_mediabox(), page.get_cropbox(), page.get_rotation()
    texts = []
    try:
        for place, direction in enumerate(directions or [0]):
            matrix = _turn(page, crop, direction)
            # The page as it is turned: its box counts when it is loaded.
            turned = pdf[number]
            if has_layers:
                leave_out_hidden(turned)
            only = direction if len(directions) > 1 else None
            texts.append(_upright_text(turned, matrix, only=only, is_main=place == 0))
    finally:
        page.set_rotation(rotation)
        page.set_mediabox(*media)
        page.set_cropbox(*crop)
    return "\r\n".join(text for text in texts if text)


def _directions(text_page: "PdfTextPage") -> list[int]:
    """By how many quarters text is turned clockwise: first the direction of most text."""
    import pypdfium2.raw as pdfium

    count = text_page.count_chars()
    places = range(0, count, max(1, count // _LOOKED_AT))
    angles = [pdfium.FPDFText_GetCharAngle(text_page, place) for place in places]
    if not any(angles):
        return [0]
    # Spaces and line ends that PDFium adds have no direction.
    seen = Counter(
        _quarters(angle)
        for place, angle in zip(places, angles, strict=True)
        if angle or not pdfium.FPDFText_IsGenerated(text_page, place)
    )
    return [direction for direction, chars in seen.most_common() if chars >= _FEW]


def _quarters(angle: float) -> int:
    """A clockwise angle in quarters; 0 for a slanted text, such as a watermark."""
    quarters = angle / _QUARTER
    return round(quarters) % 4 if abs(quarters - round(quarters)) <= _SLANT else 0


def _turn(page: "PdfPage", box: tuple[float, float, float, float], direction: int) -> tuple[float, ...]:
    """Give a page the box of its turned content. Returns the matrix that turns it."""
    left, bottom, right, top = box
    a, b, c, d = _UPRIGHT[direction]
    across = sorted((a * left + c * bottom, a * right + c * top))
    up = sorted((b * left + d * bottom, b * right + d * top))
    page.set_rotation(0)
    for set_box in (page.set_mediabox, page.set_cropbox):
        set_box(0, 0, across[1] - across[0], up[1] - up[0])
    return a, b, c, d, -across[0], -up[0]


def _upright_text(page: "PdfPage", matrix: tuple[float, ...], *, only: int | None, is_main: bool) -> str:
    """The text of a turned page. `only`: without text of another direction; and without drawings, unless `is_main`."""
    import pypdfium2.raw as pdfium

    for place in reversed(range(pdfium.FPDFPage_CountObjects(page))):
        drawn = pdfium.FPDFPage_GetObject(page, place)
        if only is None or _runs(drawn, only, otherwise=is_main):
            pdfium.FPDFPageObj_Transform(drawn, *matrix)
        elif pdfium.FPDFPage_RemoveObject(page, drawn):
            pdfium.FPDFPageObj_Destroy(drawn)
    text_page = page.get_textpage()
    try:
        return with_scripts(text_page, text_page.get_text_bounded()).strip()
    finally:
        text_page.close()
        page.close()


def _runs(drawn: Any, direction: int, *, otherwise: bool) -> bool:
    """Whether what is drawn is text of this direction. `otherwise`: the answer for what is no text."""
    import pypdfium2.raw as pdfium

    if pdfium.FPDFPageObj_GetType(drawn) != pdfium.FPDF_PAGEOBJ_TEXT:
        return otherwise
    matrix = pdfium.FS_MATRIX()
    pdfium.FPDFPageObj_GetMatrix(drawn, matrix)
    return _quarters(-math.atan2(matrix.b, matrix.a)) == direction
