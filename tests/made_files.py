"""Make real files: PDF, Word, spreadsheets, Parquet."""

import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any


def pdf_of(*pages: str, password: str | None = None) -> bytes:
    """A PDF with these pages of text, encrypted if there is a password."""
    from fpdf import FPDF

    pdf = FPDF()
    if password is not None:
        pdf.set_encryption(owner_password="owner", user_password=password)
    pdf.set_font("Helvetica", size=12)
    for page in pages:
        pdf.add_page()
        if page:
            pdf.multi_cell(0, text=page)
    return bytes(pdf.output())


def docx_of(*paragraphs: str, table: Sequence[Sequence[str]] = ()) -> bytes:
    """A Word document with paragraphs and then a table."""
    import docx

    document = docx.Document()
    for paragraph in paragraphs:
        document.add_paragraph(paragraph)
    if table:
        made = document.add_table(len(table), len(table[0]))
        for row, cells in zip(made.rows, table, strict=True):
            for cell, text in zip(row.cells, cells, strict=True):
                cell.text = text
    written = io.BytesIO()
    document.save(written)
    return written.getvalue()


def xlsx_of(
    rows: Iterable[Sequence[Any]], merged: Sequence[str] = (), **others: Iterable[Sequence[Any]]
) -> bytes:
    """A spreadsheet: a first sheet with rows and merged ranges, then other sheets by name."""
    from openpyxl import Workbook

    workbook = Workbook()
    for name, content in {"First": rows, **others}.items():
        sheet = workbook.create_sheet(name)
        for row in content:
            sheet.append(list(row))
    workbook.remove(workbook.worksheets[0])
    for cells in merged:
        workbook.worksheets[0].merge_cells(cells)
    written = io.BytesIO()
    workbook.save(written)
    return written.getvalue()


def formatted_xlsx(*cells: tuple[Any, str]) -> bytes:
    """A sheet with the columns text, a, b, c…: one row, of a text and of these values in these formats."""
    from openpyxl import Workbook

    book = Workbook()
    sheet = book.worksheets[0]
    sheet.append(["text", *(chr(ord("a") + place) for place in range(len(cells)))])
    sheet.append(["x", *(value for value, _ in cells)])
    for place, (_, code) in enumerate(cells, start=2):
        sheet.cell(2, place).number_format = code
    written = io.BytesIO()
    book.save(written)
    return written.getvalue()


def write_parquet(path: Path, columns: Mapping[str, Any], **options: Any) -> Path:
    """A Parquet file with these columns, which are lists or Arrow arrays."""
    import pyarrow as pa
    from pyarrow import parquet

    parquet.write_table(pa.table(dict(columns)), path, **options)
    return path
