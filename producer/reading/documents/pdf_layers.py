"""Layers of a PDF page (optional content) that are switched off: a reader does not see them."""

import ctypes
import re
import time
import zlib
from collections import defaultdict
from contextlib import suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pypdfium2 import PdfPage

_LAYER = "OC"
_LAYER_BYTES = 2 * len("OC\0")
_LIST = b"/OCProperties"
_PACKED = re.compile(rb"/ObjStm\b(?:(?!endobj).){0,400}?stream\r?\n", re.DOTALL)
_MOST_PACKED = 1 << 20
_MOST_LAYERS = 16
_SECONDS = 5.0
"""Drawings of many layers take long to draw: those behind are taken for shown."""


def may_have_layers(data: bytes) -> bool:
    """Whether a PDF may have layers: their list is named in the file, or in one of its packed parts."""
    if _LIST in data or b"/Encrypt" in data:
        return True
    for packed in _PACKED.finditer(data):
        with suppress(zlib.error):
            if _LIST in zlib.decompressobj().decompress(
                data[packed.end() : packed.end() + _MOST_PACKED], _MOST_PACKED
            ):
                return True
    return False


def leave_out_hidden(page: "PdfPage") -> None:
    """Make the text of layers that are switched off inactive. Call it before the text of the page is read.

    PDFium does not say which layers are off. But it does not draw them, so that the page looks the same without them.
    """
    import pypdfium2.raw as pdfium

    layers = _layers(page)
    if not layers:
        return
    began = time.monotonic()
    whole = _drawn(page)
    for drawings in list(layers.values())[:_MOST_LAYERS]:
        if time.monotonic() - began > _SECONDS:
            return
        for drawing in drawings:
            pdfium.FPDFPageObj_SetIsActive(drawing, False)
        if _drawn(page) != whole:
            for drawing in drawings:
                pdfium.FPDFPageObj_SetIsActive(drawing, True)


def _layers(page: "PdfPage") -> dict[str, list[Any]]:
    """The drawings of each layer that has text. The invisible text of recognised scans is never drawn."""
    import pypdfium2.raw as pdfium

    layers: dict[str, list[Any]] = defaultdict(list)
    with_text, forms = set(), []
    get, count_marks, kind_of = (
        pdfium.FPDFPage_GetObject,
        pdfium.FPDFPageObj_CountMarks,
        pdfium.FPDFPageObj_GetType,
    )
    for place in range(pdfium.FPDFPage_CountObjects(page)):
        drawing = get(page, place)
        marks = count_marks(drawing)
        name = _layer_of(drawing, marks) if marks else None
        kind = kind_of(drawing)
        if name is None:
            forms += [drawing] if kind == pdfium.FPDF_PAGEOBJ_FORM else []
            continue
        layers[name].append(drawing)
        if kind == pdfium.FPDF_PAGEOBJ_FORM or (
            kind == pdfium.FPDF_PAGEOBJ_TEXT
            and pdfium.FPDFTextObj_GetTextRenderMode(drawing) != pdfium.FPDF_TEXTRENDERMODE_INVISIBLE
        ):
            with_text.add(name)
    # A form may be in a layer as a whole, which PDFium does not say.
    layers |= {f"form {place}": [form] for place, form in enumerate(forms)}
    with_text |= {f"form {place}" for place in range(len(forms))}
    return {name: drawings for name, drawings in layers.items() if name in with_text}


def _layer_of(drawing: Any, marks: int) -> str | None:
    """The name of the layer that a drawing is in; None if it is in no layer."""
    import pypdfium2.raw as pdfium

    for place in range(marks):
        mark = pdfium.FPDFPageObj_GetMark(drawing, place)
        if _is_layer(mark):
            return _text(pdfium.FPDFPageObjMark_GetParamStringValue, mark, b"Name")
    return None


def _is_layer(mark: Any) -> bool:
    """Whether a mark is one of layers. Tagged files have others at each text."""
    import pypdfium2.raw as pdfium

    size = ctypes.c_ulong()
    pdfium.FPDFPageObjMark_GetName(mark, None, 0, size)
    return size.value == _LAYER_BYTES and _text(pdfium.FPDFPageObjMark_GetName, mark) == _LAYER


def _text(read: Any, *given: Any) -> str:
    """A text that PDFium gives in UTF-16."""
    size = ctypes.c_ulong()
    if not read(*given, None, 0, size) or not size.value:
        return ""
    buffer = ctypes.create_string_buffer(size.value)
    read(*given, ctypes.cast(buffer, ctypes.POINTER(ctypes.c_ushort)), size.value, size)
    return buffer.raw[: size.value].decode("utf-16-le", "replace").rstrip("\0")


def _drawn(page: "PdfPage") -> bytes:
    """The page as it looks."""
    bitmap = page.render(grayscale=True)
    try:
        return bytes(bitmap.buffer)
    finally:
        bitmap.close()
