"""DOCX: paragraphs, lists, tables, text boxes, and the notes behind them, as they would be printed.

Read from its XML: python-docx passes over what stands in content controls, as in most forms, and mammoth takes half a
second for an empty file. What was deleted under tracked changes is left out, as are headers, footers and comments.
"""

import io
import posixpath
import zipfile
from collections.abc import Iterator
from typing import TYPE_CHECKING

from qwenq.producer.reading.documents.archives import check_archive
from qwenq.producer.reading.documents.extracted import Extracted
from qwenq.schemas.errors import UnreadableDocument

if TYPE_CHECKING:
    from lxml.etree import _Element

XML_BYTES = 64 * 1024 * 1024
"""Most bytes of XML that are unpacked: its tree takes some ten times as much memory."""
_NOTES = ("footnotes.xml", "endnotes.xml")
_CHARACTERS = {"tab": "\t", "br": "\n", "cr": "\n", "noBreakHyphen": "-"}
# A fallback repeats a text box for old programs.
_NOT_PRINTED = {"del", "moveFrom", "Fallback", "instrText", "pPr", "rPr", "tblPr", "trPr", "tcPr", "sdtPr"}


def read_word(data: bytes) -> Extracted:
    """The text of a Word document, its paragraphs and tables parted by blank lines. Raises UnreadableDocument."""
    file = io.BytesIO(data)
    check_archive(file, "Word document (.docx)", XML_BYTES)
    with zipfile.ZipFile(file) as archive:
        main = _main_part(archive)
        parts = [main, *(posixpath.join(posixpath.dirname(main), name) for name in _NOTES)]
        there = set(archive.namelist())
        blocks = [block for part in parts if part in there for block in _blocks(_tree(archive, part))]
    return Extracted("\n\n".join(block.strip() for block in blocks if block.strip()))


def _main_part(archive: zipfile.ZipFile) -> str:
    """Where the text is, which not all programs put into the same file."""
    try:
        relations = _tree(archive, "_rels/.rels")
    except KeyError:
        raise UnreadableDocument(reason="it is not a Word document (.docx)") from None
    for relation in relations:
        if relation.get("Type", "").endswith("/officeDocument"):
            return str(relation.get("Target", "")).lstrip("/")
    raise UnreadableDocument(reason="it is not a Word document (.docx)")


def _tree(archive: zipfile.ZipFile, part: str) -> "_Element":
    from lxml import etree

    parser = etree.XMLParser(resolve_entities=False, no_network=True, remove_comments=True, remove_pis=True)
    return etree.fromstring(archive.read(part), parser)


def _blocks(parent: "_Element") -> Iterator[str]:
    """The paragraphs and tables within an element, also where others enclose them."""
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
    """The rows of a table, a line each, with tabs between their cells."""
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
    """An element's name without its namespace, of which there is a strict and a transitional one."""
    return str(element.tag).rpartition("}")[2]
