"""Footnotes and endnotes of Word documents: their marks in the text, and the notes in the order of their marks."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from qwenq.producer.reading.documents.word.elements import children, name_of, value
from qwenq.producer.reading.documents.word.list_numbers import shown_number
from qwenq.producer.reading.documents.word.marks import marked, resolved

if TYPE_CHECKING:
    from lxml.etree import _Element

REFERENCES = {"footnoteReference": "footnote", "endnoteReference": "endnote"}
KINDS = tuple(REFERENCES.values())
_OFF = {None, "0", "false", "off"}


class NoteCalls:
    """The notes that the text calls so far, with their marks. A note that nothing calls is not printed."""

    def __init__(self) -> None:
        self._marks: dict[str, dict[str | None, str]] = {kind: {} for kind in KINDS}

    def mark(self, reference: "_Element") -> str:
        """The mark of a reference: a superscript number, and `[i]` for endnotes. The text may have its own."""
        kind, own = REFERENCES[name_of(reference)], value(reference, "id")
        marks = self._marks[kind]
        if own not in marks:
            number = len(marks) + 1
            mark = marked(str(number), "superscript", is_struck=False)
            if kind == "endnote":
                mark = f"[{shown_number(number, 'lowerRoman')}]"
            marks[own] = "" if value(reference, "customMarkFollows") not in _OFF else mark
        return marks[own]

    def called(self, root: "_Element", kind: str) -> Iterator[tuple[str, "_Element"]]:
        """The notes of a part that are called, in this order, with what stands before their text."""
        notes = {value(one, "id"): one for one in children(root, kind)}
        for own, mark in list(self._marks[kind].items()):
            if own in notes:
                yield (f"{resolved(mark)} " if mark else ""), notes[own]
