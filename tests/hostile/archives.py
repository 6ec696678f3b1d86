"""Spreadsheets and Word documents of a few kilobytes that take all memory or time."""

import io
import zipfile
from collections.abc import Callable, Iterable

_SPACE = "http://schemas.openxmlformats.org"
_SHEET = f"{_SPACE}/spreadsheetml/2006/main"
_KINDS = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_RELATION = f"{_SPACE}/officeDocument/2006/relationships"

Write = Callable[[Callable[[str], object]], object]
"""Writes XML in pieces."""


def sheet(
    rows: Iterable[str],
    behind: Iterable[str] = (),
    part: str = "xl/worksheets/sheet1.xml",
    strings: Write | None = None,
) -> bytes:
    """A spreadsheet of these rows in XML, with XML behind its rows."""

    def body(write: Callable[[str], object]) -> None:
        write(f'<worksheet xmlns="{_SHEET}"><dimension ref="A1"/><sheetData>')
        for row in rows:
            write(row)
        write("</sheetData>")
        for one in behind:
            write(one)
        write("</worksheet>")

    types = (
        f'<Override PartName="/xl/workbook.xml" ContentType="{_KINDS}.sheet.main+xml"/>'
        f'<Override PartName="/{part}" ContentType="{_KINDS}.worksheet+xml"/>'
        f'<Override PartName="/xl/sharedStrings.xml" ContentType="{_KINDS}.sharedStrings+xml"/>'
    )
    target = part.removeprefix("xl/")
    parts: dict[str, str | Write] = {
        "[Content_Types].xml": f'<Types xmlns="{_SPACE}/package/2006/content-types">{types}</Types>',
        "_rels/.rels": _relations("officeDocument", "xl/workbook.xml"),
        "xl/workbook.xml": f'<workbook xmlns="{_SHEET}" xmlns:r="{_RELATION}"><sheets>'
        '<sheet name="S" sheetId="1" r:id="r1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": _relations("worksheet", target),
        "xl/sharedStrings.xml": strings or f'<sst xmlns="{_SHEET}"/>',
        part: body,
    }
    return archive(parts)


def text_row(number: int, text: str, column: str = "A") -> str:
    """A row with one cell."""
    cell = f'<c r="{column}{number}" t="inlineStr"><is><t>{text}</t></is></c>'
    return f'<row r="{number}">{cell}</row>'


def merged(*ranges: str) -> Iterable[str]:
    """The XML of merged cells."""
    return ("<mergeCells>", *(f'<mergeCell ref="{one}"/>' for one in ranges), "</mergeCells>")


def shared_strings(text: str, count: int) -> Write:
    """A table with one string many times."""

    def write_all(write: Callable[[str], object]) -> None:
        write(f'<sst xmlns="{_SHEET}">')
        for _ in range(count):
            write(f"<si><t>{text}</t></si>")
        write("</sst>")

    return write_all


def word(
    paragraphs: Iterable[str], part: str = "word/document.xml", packing: int = zipfile.ZIP_DEFLATED
) -> bytes:
    """A Word document of these paragraphs in XML, in a part of any name."""

    def body(write: Callable[[str], object]) -> None:
        write(f'<w:document xmlns:w="{_SPACE}/wordprocessingml/2006/main"><w:body>')
        for one in paragraphs:
            write(one)
        write("</w:body></w:document>")

    return archive({"_rels/.rels": _relations("officeDocument", part), part: body}, packing)


def archive(parts: dict[str, "str | Write"], packing: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip archive."""
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", packing) as packed:
        for name, content in parts.items():
            with packed.open(zipfile.ZipInfo(name) if packing == zipfile.ZIP_STORED else name, "w") as part:
                if isinstance(content, str):
                    part.write(content.encode())
                else:
                    content(lambda text, part=part: part.write(text.encode()))  # type: ignore[misc]
    return written.getvalue()


def _relations(kind: str, target: str) -> str:
    relation = f'<Relationship Id="r1" Type="{_RELATION}/{kind}" Target="{target}"/>'
    return f'<Relationships xmlns="{_SPACE}/package/2006/relationships">{relation}</Relationships>'
