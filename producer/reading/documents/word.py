"""DOCX: the text as it would be printed, with lists, tables, text boxes, footnotes and endnotes.

Left out are headers, footers, comments, and text deleted under tracked changes. The XML is read directly: python-docx
skips content controls, which most forms use, and mammoth takes half a second for an empty file.
"""

import io
import posixpath
from collections.abc import Iterator
from typing import TYPE_CHECKING

from qwenq.producer.reading.documents.extracted import Extracted
from qwenq.producer.reading.office_archives import OfficeArchive
from qwenq.schemas.errors import UnreadableDocument

if TYPE_CHECKING:
    from lxml.etree import _Element

XML_BYTES = 64 * 1024 * 1024
"""The most bytes of XML to unpack: the tree takes about ten times as much memory."""
_NOTES = ("footnotes.xml", "endnotes.xml")
_CHARACTERS = {"tab": "\t", "br": "\n", "cr": "\n", "noBreakHyphen": "-"}
# A Fallback repeats a text box for old programs.
_NOT_PRINTED = {"del", "moveFrom", "Fallback", "instrText", "pPr", "rPr", "tblPr", "trPr", "tcPr", "sdtPr"}


def read_word(data: bytes) -> Extracted:
    """The text of a Word document, with blank lines between paragraphs and tables. Raises UnreadableDocument."""
    with OfficeArchive(io.BytesIO(data), "Word document (.docx)", XML_BYTES) as archive:
        main = _main_part(archive)
        parts = [main, *(posixpath.join(posixpath.dirname(main), name) for name in _NOTES)]
        there = set(archive.namelist())
        blocks = [block for part in parts if part in there for block in _blocks(_tree(archive, part))]
    return Extracted("\n\n".join(block.strip() for block in blocks if block.strip()))


def _main_part(archive: OfficeArchive) -> str:
    """The entry that holds the text: programs name it differently."""
    try:
        relations = _tree(archive, "_rels/.rels")
    except KeyError:
        raise UnreadableDocument(reason="it is not a Word document (.docx)") from None
    for relation in relations:
        if relation.get("Type", "").endswith("/officeDocument"):
            return str(relation.get("Target", "")).lstrip("/")
    raise UnreadableDocument(reason="it is not a Word document (.docx)")


def _tree(archive: OfficeArchive, part: str) -> "_Element":
    from lxml import etree

    parser = etree.XMLParser(resolve_entities=False, no_network=True, remove_comments=True, remove_pis=True)
    return etree.fromstring(archive.read(part), parser)


def _blocks(parent: "_Element") -> Iterator[str]:
    """The paragraphs and tables within an element, at any depth."""
    for child in parent:
        match _name(child):
            case "p":
                yield "".join(_inline(child))
            case "tbl":
                yield "\n".join(_table_rows(child))
            case name if name not in _NOT_PRINTED:
                yield from _blocks(child)


def _inline(parent: "_Element") -> Iterator[str]:
    for child in parent:
        match _name(child):
            case "t":
                yield child.text or ""
            case "txbxContent":
                yield "\n" + "\n".join(_blocks(child)) + "\n"
            case name if name in _CHARACTERS:
                yield _CHARACTERS[name]
            case name if name not in _NOT_PRINTED:
                yield from _inline(child)


def _table_rows(parent: "_Element") -> Iterator[str]:
    """The rows of a table: one line each, tabs between the cells."""
    for child in parent:
        match _name(child):
            case "tr":
                yield "\t".join(_cells(child))
            case name if name not in _NOT_PRINTED:
                yield from _table_rows(child)


def _cells(parent: "_Element") -> Iterator[str]:
    for child in parent:
        match _name(child):
            case "tc":
                yield " ".join(block.strip() for block in _blocks(child))
            case name if name not in _NOT_PRINTED:
                yield from _cells(child)


def _name(element: "_Element") -> str:
    """An element's name without its namespace: strict and transitional documents have different ones."""
    return str(element.tag).rpartition("}")[2]
