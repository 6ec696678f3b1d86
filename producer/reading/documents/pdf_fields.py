"""Form fields of a PDF page, one line each: `Name: Alice`, `[x] I agree`.

PDFium leaves what is filled in out of a page's text.
"""

import ctypes
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pypdfium2 import PdfPage, PdfTextPage

MOST_OPTIONS = 10_000
"""The most entries of a list that are looked at."""
_PASSWORD = 1 << 13
_END = 2
"""Bytes of the zero behind a text."""
_BESIDE = 300
"""How far from a field its caption may stand, in points."""
_CAPTION = 80
"""The most characters of a caption: more is no caption."""
_PLACE = re.compile(r"\[\d+\]$")


@dataclass(frozen=True, slots=True)
class _Field:
    """A field: `told` describes it to people, `beside` stands on its line. A button's `value` is its meaning."""

    name: str
    told: str
    beside: str
    is_button: bool
    value: str
    is_ticked: bool


def field_lines(page: "PdfPage", text_page: "PdfTextPage") -> list[str]:
    """The filled-in fields of a page, and all check boxes and radio buttons, in the file's order. No hidden fields."""
    if page.formenv is None:
        return []
    return list(_lines(list(_fields(page, text_page))))


def visible_annotations(page: "PdfPage") -> Iterator[tuple[int, Any]]:
    """The annotations of a page that are shown, with their kinds."""
    import pypdfium2.raw as pdfium

    hidden = pdfium.FPDF_ANNOT_FLAG_HIDDEN | pdfium.FPDF_ANNOT_FLAG_NOVIEW
    for place in range(pdfium.FPDFPage_GetAnnotCount(page)):
        annotation = pdfium.FPDFPage_GetAnnot(page, place)
        if not annotation:
            continue
        try:
            if not pdfium.FPDFAnnot_GetFlags(annotation) & hidden:
                yield pdfium.FPDFAnnot_GetSubtype(annotation), annotation
        finally:
            pdfium.FPDFPage_CloseAnnot(annotation)


def string_of(get: Callable[..., int], *about: Any) -> str:
    """A text that a function of PDFium writes into a buffer, as UTF-16."""
    length = get(*about, None, 0)
    if length <= _END:
        return ""
    buffer = ctypes.create_string_buffer(length)
    from pypdfium2.raw import FPDF_WCHAR

    get(*about, ctypes.cast(buffer, ctypes.POINTER(FPDF_WCHAR)), length)
    text = buffer.raw[:length].decode("utf-16-le", "replace")
    return text.replace("\0", "").replace("\r\n", "\n").replace("\r", "\n").strip()


def _fields(page: "PdfPage", text_page: "PdfTextPage") -> Iterator[_Field]:
    import pypdfium2.raw as pdfium

    form = page.formenv
    buttons = (pdfium.FPDF_FORMFIELD_CHECKBOX, pdfium.FPDF_FORMFIELD_RADIOBUTTON)
    lists = (pdfium.FPDF_FORMFIELD_COMBOBOX, pdfium.FPDF_FORMFIELD_LISTBOX)
    for subtype, annotation in visible_annotations(page):
        kind = pdfium.FPDFAnnot_GetFormFieldType(form, annotation)
        if subtype != pdfium.FPDF_ANNOT_WIDGET:
            continue
        ticked, value = False, ""
        if kind in buttons:
            ticked = bool(pdfium.FPDFAnnot_IsChecked(form, annotation))
            value = string_of(pdfium.FPDFAnnot_GetFormFieldExportValue, form, annotation)
        elif kind in lists:
            value = _chosen(form, annotation)
        elif kind == pdfium.FPDF_FORMFIELD_TEXTFIELD:
            if not pdfium.FPDFAnnot_GetFormFieldFlags(form, annotation) & _PASSWORD:
                value = string_of(pdfium.FPDFAnnot_GetFormFieldValue, form, annotation)
        else:
            continue
        if value or kind in buttons:
            name = string_of(pdfium.FPDFAnnot_GetFormFieldName, form, annotation)
            told = string_of(pdfium.FPDFAnnot_GetFormFieldAlternateName, form, annotation)
            beside = caption_of(annotation, text_page, after=kind in buttons)
            yield _Field(name, _one_line(told), _one_line(beside), kind in buttons, value, ticked)


def _chosen(form: Any, annotation: Any) -> str:
    """What is chosen in a list, as it is shown."""
    import pypdfium2.raw as pdfium

    count = min(pdfium.FPDFAnnot_GetOptionCount(form, annotation), MOST_OPTIONS)
    labels = [
        string_of(pdfium.FPDFAnnot_GetOptionLabel, form, annotation, place)
        for place in range(count)
        if pdfium.FPDFAnnot_IsOptionSelected(form, annotation, place)
    ]
    return ", ".join(labels) or string_of(pdfium.FPDFAnnot_GetFormFieldValue, form, annotation)


def caption_of(annotation: Any, text_page: "PdfTextPage", *, after: bool = False) -> str:
    """Return the text before or after an annotation on its line; "" without text."""
    import pypdfium2.raw as pdfium

    box = pdfium.FS_RECTF()
    if not pdfium.FPDFAnnot_GetRect(annotation, box):
        return ""
    low, high = sorted((box.bottom, box.top))
    left, right = (box.right, box.right + _BESIDE) if after else (box.left - _BESIDE, box.left)
    text = text_page.get_text_bounded(left, low, right, high).strip()
    lines = text.splitlines()
    found = (lines[0] if after else lines[-1]).strip() if lines else ""
    return found if len(found) <= _CAPTION else ""


def _lines(fields: list[_Field]) -> Iterator[str]:
    buttons = Counter(field.name for field in fields if field.is_button)
    written = set()
    for field in fields:
        # Several buttons of one name are a choice: each has a meaning of its own.
        is_choice = buttons[field.name] > 1
        label = _label(field.name, field.told or ("" if is_choice else field.beside))
        if field.is_button:
            meaning = (field.beside or field.value) if is_choice else ""
            line = f"[{'x' if field.is_ticked else ' '}] {label}" + (f": {meaning}" if meaning else "")
        else:
            line = f"{label}: {field.value}"
        if line not in written:
            written.add(line)
            yield line


def _label(name: str, caption: str) -> str:
    """What people read about a field, with the last part of its name where that says something else."""
    name = _PLACE.sub("", name.rpartition(".")[2])
    caption = caption.rstrip(" :_.")
    if not caption or caption.lower() == name.lower():
        return caption or name or "field"
    return f"{caption} ({name})" if name else caption


def _one_line(text: str) -> str:
    return " ".join(text.split())
