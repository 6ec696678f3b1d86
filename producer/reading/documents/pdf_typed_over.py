"""Text that was laid over a PDF page, as annotations: typed over it, stamped on it, or in a signature.

Comments (notes, marked passages) are left out, as those of Word documents.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from qwenq.producer.reading.documents.pdf_fields import caption_of, string_of, visible_annotations

if TYPE_CHECKING:
    from pypdfium2 import PdfPage, PdfTextPage

_CAPTION_ENDS = (":", "_", "?", "....")


def typed_over(page: "PdfPage", text_page: "PdfTextPage", number: int) -> list[str]:
    """The texts laid over a page, each behind its caption. The page is spoiled by this: close it afterwards."""
    import pypdfium2.raw as pdfium

    if not pdfium.FPDFPage_GetAnnotCount(page):
        return []
    texts: list[str] = []
    drawn = 0
    for subtype, annotation in visible_annotations(page):
        text = _typed(subtype, annotation)
        if text:
            caption = caption_of(annotation, text_page)
            texts.append(f"{caption} {text}" if caption.endswith(_CAPTION_ENDS) else text)
        drawn += not text and _is_drawn(page, subtype, annotation)
    if drawn:
        texts += filter(None, _drawn(page, number))
    return texts


def _typed(subtype: int, annotation: Any) -> str:
    """What an annotation says itself; "" if only its drawing does."""
    import pypdfium2.raw as pdfium

    captioned = subtype == pdfium.FPDF_ANNOT_LINE and pdfium.FPDFAnnot_HasKey(annotation, b"Cap")
    if subtype == pdfium.FPDF_ANNOT_FREETEXT or captioned:
        return string_of(pdfium.FPDFAnnot_GetStringValue, annotation, b"Contents")
    return ""


def _is_drawn(page: "PdfPage", subtype: int, annotation: Any) -> bool:
    """Whether an annotation's text, if any, stands only in its drawing."""
    import pypdfium2.raw as pdfium

    if subtype == pdfium.FPDF_ANNOT_WIDGET:
        if page.formenv is None:
            # Programs that join PDFs lose the form, while its fields are still drawn.
            return True
        kind = pdfium.FPDFAnnot_GetFormFieldType(page.formenv, annotation)
        return bool(kind == pdfium.FPDF_FORMFIELD_SIGNATURE)
    return subtype in (
        pdfium.FPDF_ANNOT_FREETEXT,
        pdfium.FPDF_ANNOT_STAMP,
        pdfium.FPDF_ANNOT_WATERMARK,
    )


def _drawn(page: "PdfPage", number: int) -> Iterator[str]:
    """The texts in the drawings: all else is taken off the page, and the drawings become its content."""
    import pypdfium2.raw as pdfium

    for place in reversed(range(pdfium.FPDFPage_GetAnnotCount(page))):
        annotation = pdfium.FPDFPage_GetAnnot(page, place)
        if not annotation:
            continue
        subtype = pdfium.FPDFAnnot_GetSubtype(annotation)
        kept = _is_drawn(page, subtype, annotation) and not _typed(subtype, annotation)
        pdfium.FPDFPage_CloseAnnot(annotation)
        if not kept:
            pdfium.FPDFPage_RemoveAnnot(page, place)
    for place in reversed(range(pdfium.FPDFPage_CountObjects(page))):
        drawing = pdfium.FPDFPage_GetObject(page, place)
        if pdfium.FPDFPage_RemoveObject(page, drawing):
            pdfium.FPDFPageObj_Destroy(drawing)
    pdfium.FPDFPage_GenerateContent(page)
    if pdfium.FPDFPage_Flatten(page, pdfium.FLAT_NORMALDISPLAY) != pdfium.FLATTEN_SUCCESS:
        return
    flat = page.pdf[number]
    try:
        text_page = flat.get_textpage()
        try:
            yield text_page.get_text_bounded().replace("\r\n", "\n").strip()
        finally:
            text_page.close()
    finally:
        flat.close()
