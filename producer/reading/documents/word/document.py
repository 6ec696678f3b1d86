"""DOCX: the text as Word prints it, with lists and their numbers, tables, text boxes, choices, footnotes and endnotes.

Left out are headers, footers, comments, hidden text, and text deleted under tracked changes. The XML is read directly:
python-docx skips content controls, which most forms use; docx2python numbers a clause 2.1 as 1, and reads neither
embedded parts nor hidden text; mammoth numbers nothing, and takes half a second for an empty file.
"""

import io
import posixpath
from collections.abc import Iterator

from qwenq.producer.reading.documents.extracted import Extracted
from qwenq.producer.reading.documents.word.embedded import Embedded
from qwenq.producer.reading.documents.word.lists import Lists
from qwenq.producer.reading.documents.word.notes import KINDS
from qwenq.producer.reading.documents.word.package import Package
from qwenq.producer.reading.documents.word.story import Look, Story
from qwenq.producer.reading.documents.word.styles import Styles
from qwenq.producer.reading.office_archives import OfficeArchive
from qwenq.schemas.errors import UnreadableDocument

XML_BYTES = 64 * 1024 * 1024
"""The most bytes of XML to unpack: the tree takes about ten times as much memory."""
MOST_DEPTH = 4
"""How deep documents may be embedded in each other."""


def read_word(data: bytes) -> Extracted:
    """The text of a Word document, with blank lines between paragraphs and tables. Raises UnreadableDocument."""
    return Extracted(_text(data, 1))


def _text(data: bytes, depth: int) -> str:
    if depth > MOST_DEPTH:
        raise UnreadableDocument(reason=f"it embeds documents in each other more than {MOST_DEPTH} deep")
    with OfficeArchive(io.BytesIO(data), "Word document (.docx)", XML_BYTES // depth) as archive:
        package = Package(archive)
        main = package.main_part()
        folder = posixpath.dirname(main)
        relations = package.relations(main)
        of_kind = {one.kind: one.target for one in relations.values() if not one.is_outside}
        styles = Styles(package.tree_if_any(of_kind.get("styles", posixpath.join(folder, "styles.xml"))))
        numbering = of_kind.get("numbering", posixpath.join(folder, "numbering.xml"))
        look = Look(
            styles,
            Lists(package.tree_if_any(numbering), styles),
            Embedded(package, lambda inner: _text(inner, depth + 1)),
        )
        blocks = [block.strip() for block in Story(package.tree(main), look, relations).blocks()]
        for kind in KINDS:
            part = of_kind.get(f"{kind}s", posixpath.join(folder, f"{kind}s.xml"))
            blocks += _notes(package, part, kind, look)
    return "\n\n".join(block for block in blocks if block)


def _notes(package: Package, part: str, kind: str, look: Look) -> Iterator[str]:
    """The blocks of the notes that the text calls, with their marks."""
    root = package.tree_if_any(part)
    if root is None:
        return
    relations = package.relations(part)
    for mark, note in look.notes.called(root, kind):
        for block in filter(None, map(str.strip, Story(note, look, relations).blocks())):
            yield mark + block
            mark = ""  # noqa: PLW2901
