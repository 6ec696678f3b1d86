"""The text of one part of a Word document: the main text, the footnotes or the endnotes."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from qwenq.producer.reading.documents.word.elements import child, children, name_of, switch, value, whole
from qwenq.producer.reading.documents.word.embedded import Embedded, subdocument
from qwenq.producer.reading.documents.word.equations import linear
from qwenq.producer.reading.documents.word.fields import Fields, control_text
from qwenq.producer.reading.documents.word.lists import Lists
from qwenq.producer.reading.documents.word.marks import marked, resolved
from qwenq.producer.reading.documents.word.notes import REFERENCES, NoteCalls
from qwenq.producer.reading.documents.word.package import Relation
from qwenq.producer.reading.documents.word.styles import Styles
from qwenq.producer.reading.documents.word.symbols import in_font, is_symbol_font, symbol
from qwenq.schemas.errors import UnreadableDocument

if TYPE_CHECKING:
    from lxml.etree import _Element

_NOT_PRINTED = {"del", "moveFrom", "Fallback", "instrText", "pPr", "rPr", "tblPr", "trPr", "tcPr", "sdtPr"}
_SOFT_HYPHEN = "\xad"
_MOST_SPANNED = 62
_ONE_LINE = str.maketrans("\n\t", "  ")


@dataclass(frozen=True, slots=True)
class Look:
    """How a document's text looks, and what its parts embed."""

    styles: Styles
    lists: Lists
    embedded: Embedded
    notes: NoteCalls = field(default_factory=NoteCalls)


class Story:
    """The blocks of a part: paragraphs and tables, in order. Read it once, since lists are counted on the way."""

    def __init__(self, root: "_Element", look: Look, relations: Mapping[str, Relation]) -> None:
        self._root = root
        self._look = look
        self._relations = relations
        self._fields = Fields(root)
        self._structures: dict[str, Callable[[_Element, str | None], str]] = {
            "sdt": self._control,
            "txbxContent": self._box,
            "oMath": lambda one, _: linear(one),
            "oMathPara": lambda one, _: _equations(one),
            "ruby": self._ruby,
            "AlternateContent": self._inner_alternative,
            "relIds": self._diagram,
            "p": lambda one, _: f"\n{self._paragraph(one)}\n",
            "textpath": lambda one, _: f"\n{one.get('string', '')}\n",
        }

    def blocks(self) -> Iterator[str]:
        """The texts of the blocks. Raises UnreadableDocument for embedded text that cannot be had."""
        return self._blocks(self._root)

    def _blocks(self, parent: "_Element", *, in_cell: bool = False) -> Iterator[str]:
        """The paragraphs and tables within an element, at any depth. Within a cell, each is one line."""
        held: list[str] = []
        for one in parent:
            if name_of(one) != "p":
                for text in self._structure(one, in_cell=in_cell):
                    yield from _taken(held)
                    yield text
            elif _goes_on(child(one, "pPr")):
                held.append(self._paragraph(one))
            else:
                text = self._paragraph(one, "".join(_taken(held)))
                yield text.translate(_ONE_LINE) if in_cell else text
        yield from _taken(held)

    def _structure(self, one: "_Element", *, in_cell: bool) -> Iterator[str]:
        match name_of(one):
            case "tbl":
                within, between = (" | ", "; ") if in_cell else ("\t", "\n")
                yield between.join(within.join(row) for row in self._rows(one))
            case "altChunk":
                text = self._look.embedded.chunk(self._relation(one, "id"))
                yield text.translate(_ONE_LINE) if in_cell else text
            case "subDoc":
                raise UnreadableDocument(reason=subdocument(self._relations, _relation_id(one, "id")))
            case "oMathPara":
                yield _equations(one)
            case "AlternateContent":
                yield from self._alternative(one, in_cell=in_cell)
            case name if name not in _NOT_PRINTED:
                yield from self._blocks(one, in_cell=in_cell)

    def _alternative(self, one: "_Element", *, in_cell: bool) -> Iterator[str]:
        """What new programs choose; what is there for old ones, if the other has no text."""
        chosen = [
            text for choice in children(one, "Choice") for text in self._blocks(choice, in_cell=in_cell)
        ]
        if not any(text.strip() for text in chosen):
            for fallback in children(one, "Fallback"):
                chosen += self._blocks(fallback, in_cell=in_cell)
        yield from chosen

    def _paragraph(self, one: "_Element", before: str = "") -> str:
        """The text of a paragraph. `before`: that of the ones which it goes on with."""
        properties = child(one, "pPr")
        style = self._look.styles.of_paragraph(properties)
        text = before + resolved("".join(self._inline(one, style)))
        place = self._look.styles.place(properties, style)
        if place is None or (text.strip() and _goes_on(properties)):
            return text
        mark = child(properties, "rPr")
        is_blank = not text.strip()
        if is_blank and (child(mark, "del") is not None or self._look.styles.hides(style, mark)):
            return text
        label = self._look.lists.label(place)
        return "" if is_blank and self._look.lists.is_bullet(place) else label + text.lstrip("\t ")

    def _inline(
        self, parent: "_Element", style: str | None, font: str | None = None, *, is_hidden: bool = False
    ) -> Iterator[str]:
        """The text within a paragraph, or within a run of this font. Marks of fields count in hidden text, too."""
        for one in parent:
            name = name_of(one)
            if name in _NOT_PRINTED:
                continue
            if name == "r":
                look = child(one, "rPr")
                yield from self._run(one, look, style)
            elif name == "fldChar":
                text = self._fields.step(one)
                yield "" if is_hidden else text
            elif is_hidden:
                continue
            elif name in _TEXTS:
                yield _TEXTS[name](one, font) if self._fields.are_printed else ""
            elif name in REFERENCES:
                yield self._look.notes.mark(one) if self._fields.are_printed else ""
            elif name in self._structures:
                yield self._structures[name](one, style)
            else:
                yield from self._inline(one, style)

    def _run(self, one: "_Element", look: "_Element | None", style: str | None) -> Iterator[str]:
        styles = self._look.styles
        texts = self._inline(one, style, styles.font(look), is_hidden=styles.hides(style, look))
        script, is_struck = styles.script(look), styles.strikes(look)
        if script is None and not is_struck:
            yield from texts
            return
        for text in texts:
            # A mark of a note has its own, and a line's end belongs to no mark.
            yield text if "\n" in text or "\x01" in text else marked(text, script, is_struck=is_struck)

    def _control(self, one: "_Element", style: str | None) -> str:
        content = child(one, "sdtContent")
        text = "" if content is None else "".join(self._inline(content, style))
        return control_text(child(one, "sdtPr"), text) if self._fields.are_printed else ""

    def _box(self, one: "_Element", _: str | None) -> str:
        """A text box: its blocks on lines of their own."""
        return "\n" + "\n".join(self._blocks(one)) + "\n"

    def _diagram(self, one: "_Element", _: str | None) -> str:
        text = self._look.embedded.diagram(self._relation(one, "dm"))
        return f"\n{text}\n" if text else ""

    def _inner_alternative(self, one: "_Element", style: str | None) -> str:
        chosen = "".join(text for choice in children(one, "Choice") for text in self._inline(choice, style))
        if not chosen.strip():
            chosen = "".join(
                text for other in children(one, "Fallback") for text in self._inline(other, style)
            )
        return chosen

    def _ruby(self, one: "_Element", style: str | None) -> str:
        """A word with its reading in brackets."""
        base, reading = child(one, "rubyBase"), child(one, "rt")
        shown = "" if reading is None else "".join(self._inline(reading, style))
        return ("" if base is None else "".join(self._inline(base, style))) + (f"({shown})" if shown else "")

    def _rows(self, parent: "_Element") -> Iterator[list[str]]:
        """The rows of a table, by cells."""
        for one in parent:
            match name_of(one):
                case "tr":
                    properties = child(one, "trPr")
                    is_gone = child(properties, "del") is not None or switch(child(properties, "hidden"))
                    cells = list(self._cells(one))
                    if not is_gone:
                        yield cells
                case name if name not in _NOT_PRINTED:
                    yield from self._rows(one)

    def _cells(self, parent: "_Element") -> Iterator[str]:
        for one in parent:
            match name_of(one):
                case "tc":
                    properties = child(one, "tcPr")
                    text = " ".join(block.strip() for block in self._blocks(one, in_cell=True))
                    if child(properties, "cellDel") is None:
                        yield text
                        # What a cell spans besides is empty, so that the next one stands under its heading.
                        yield from [""] * min(
                            max((whole(child(properties, "gridSpan")) or 1) - 1, 0), _MOST_SPANNED
                        )
                case name if name not in _NOT_PRINTED:
                    yield from self._cells(one)

    def _relation(self, one: "_Element", name: str) -> Relation | None:
        return self._relations.get(_relation_id(one, name) or "")


def _taken(held: list[str]) -> list[str]:
    """The text of paragraphs that wait for the next one, if any wait; none do afterwards."""
    text = "".join(held)
    held.clear()
    return [text] if text else []


def _goes_on(properties: "_Element | None") -> bool:
    """Whether the next paragraph goes on in the same line: its end is deleted, or it is the large first letter."""
    mark = child(properties, "rPr")
    if child(mark, "del") is not None or child(mark, "moveFrom") is not None:
        return True
    frame = child(properties, "framePr")
    return (value(frame, "dropCap") or "none") != "none"


def _relation_id(one: "_Element", name: str) -> str | None:
    """The id of a relation: its attribute is in a namespace other than its element."""
    return next((one.get(key) for key in one.attrib if str(key).rpartition("}")[2] == name), None)


def _equations(group: "_Element") -> str:
    return "\n".join(linear(one) for one in children(group, "oMath"))


def _text(one: "_Element", font: str | None) -> str:
    # A soft hyphen is seen only where a line happens to end.
    text = (one.text or "").replace(_SOFT_HYPHEN, "")
    return in_font(text, font) if is_symbol_font(font) else text


def _symbol(one: "_Element", _: str | None) -> str:
    try:
        code = int(value(one, "char") or "", 16)
    except ValueError:
        return ""
    return symbol(code, value(one, "font"))


_TEXTS: dict[str, Callable[["_Element", str | None], str]] = {
    "t": _text,
    "sym": _symbol,
    "tab": lambda _, __: "\t",
    "ptab": lambda _, __: "\t",
    "br": lambda _, __: "\n",
    "cr": lambda _, __: "\n",
    "noBreakHyphen": lambda _, __: "-",
}
