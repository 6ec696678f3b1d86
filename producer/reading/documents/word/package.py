"""The parts of a Word document, and the relations between them."""

import posixpath
from dataclasses import dataclass
from typing import TYPE_CHECKING

from qwenq.producer.reading.documents.word.elements import name_of
from qwenq.producer.reading.office_archives import OfficeArchive
from qwenq.schemas.errors import UnreadableDocument

if TYPE_CHECKING:
    from lxml.etree import _Element

_TYPES = "[Content_Types].xml"


@dataclass(frozen=True, slots=True)
class Relation:
    """What a part refers to: another part, or something outside of the file."""

    kind: str
    target: str
    is_outside: bool


class Package:
    """A Word document's archive, by parts."""

    def __init__(self, archive: OfficeArchive) -> None:
        self._archive = archive
        self._types: dict[str, str] | None = None

    def has(self, part: str) -> bool:
        """Whether there is such a part."""
        return part in self._archive

    def read(self, part: str) -> bytes:
        """The bytes of a part. Raises UnreadableDocument above the limit, KeyError if it is missing."""
        return self._archive.read(part)

    def tree(self, part: str) -> "_Element":
        """A part as XML. Raises what `read` raises."""
        from lxml import etree

        parser = etree.XMLParser(
            resolve_entities=False, no_network=True, remove_comments=True, remove_pis=True
        )
        return etree.fromstring(self.read(part), parser)

    def tree_if_any(self, part: str | None) -> "_Element | None":
        """A part as XML, or None."""
        return self.tree(part) if part is not None and self.has(part) else None

    def relations(self, part: str) -> dict[str, Relation]:
        """The relations of a part by id; those of the whole package for ""."""
        folder, name = posixpath.split(part)
        root = self.tree_if_any(posixpath.join(folder, "_rels", f"{name}.rels"))
        found: dict[str, Relation] = {}
        for one in root if root is not None else ():
            target, is_outside = one.get("Target", ""), one.get("TargetMode") == "External"
            if not is_outside:
                target = posixpath.normpath(posixpath.join("/", folder, target)).lstrip("/")
            found[one.get("Id", "")] = Relation(one.get("Type", "").rpartition("/")[2], target, is_outside)
        return found

    def main_part(self) -> str:
        """The part that holds the text: programs name it differently. Raises UnreadableDocument."""
        for relation in self.relations("").values():
            if relation.kind == "officeDocument":
                return relation.target
        raise UnreadableDocument(reason="it is not a Word document (.docx)")

    def type_of(self, part: str) -> str:
        """The content type of a part; "" if it has none."""
        if self._types is None:
            root = self.tree_if_any(_TYPES)
            self._types = {}
            for one in root if root is not None else ():
                key = (
                    one.get("PartName", "") if name_of(one) == "Override" else "." + one.get("Extension", "")
                )
                self._types[key.lower()] = one.get("ContentType", "").lower()
        ending = posixpath.splitext(part)[1].lower()
        return self._types.get(f"/{part}".lower()) or self._types.get(ending, "")
