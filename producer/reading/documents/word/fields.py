"""Fields and form controls: their results are printed, their instructions are not; choices and ticks become text."""

from typing import TYPE_CHECKING

from qwenq.producer.reading.documents.word.elements import child, children, name_of, switch, value, whole
from qwenq.producer.reading.documents.word.instructions import printed_by

if TYPE_CHECKING:
    from lxml.etree import _Element

TICKED, UNTICKED = "☒", "☐"
_BOXES = set("☐☑☒✓✔✗✘□■")
_NOT_THERE = {"del", "moveFrom", "Fallback"}
_LONGEST_TICK = 2


class Fields:
    """The fields of one part of a document. Give `step` each of their marks, in order."""

    def __init__(self, root: "_Element") -> None:
        """Find which marks belong together: only whole fields hide anything."""
        self._begins: dict[_Element, _Element] = {}
        self._separated: set[_Element] = set()
        self._instructions: dict[_Element, list[str]] = {}
        open_: list[_Element] = []
        for mark in root.iter("{*}fldChar", "{*}instrText"):
            if any(name_of(one) in _NOT_THERE for one in mark.iterancestors()):
                continue
            if name_of(mark) == "instrText":
                if open_:
                    self._instructions.setdefault(open_[-1], []).append(mark.text or "")
                continue
            kind = value(mark, "fldCharType")
            if kind == "begin":
                open_.append(mark)
            elif open_:
                begin = open_[-1]
                self._begins[mark] = begin
                if kind == "separate":
                    self._separated.add(begin)
                elif kind == "end":
                    self._begins[begin] = open_.pop()
        self._hidden: list[bool] = []
        self._forms: list[bool] = []

    @property
    def are_printed(self) -> bool:
        """Whether text here is printed: it is not within an instruction, nor the old text of a choice."""
        return not any(self._hidden)

    def step(self, mark: "_Element") -> str:
        """Pass a mark (`w:fldChar`). Returns the text of a form's choice or tick, which stands in no run."""
        begin = self._begins.get(mark)
        if begin is None or (begin not in self._begins):
            return ""
        kind = value(mark, "fldCharType")
        if kind == "begin":
            text = _form_text(child(mark, "ffData"))
            if text is None and mark not in self._separated:
                text = printed_by("".join(self._instructions.get(mark, ()))) or None
            shown = self.are_printed
            self._forms.append(text is not None)
            self._hidden.append(text is not None or mark in self._separated)
            return (text or "") if shown else ""
        if kind == "separate" and self._hidden:
            self._hidden[-1] = self._forms[-1]
        elif kind == "end" and self._hidden:
            self._hidden.pop()
            self._forms.pop()
        return ""


def _form_text(data: "_Element | None") -> str | None:
    """The tick or the choice of a form field; None for a text field, whose text stands in the document."""
    if data is None:
        return None
    box = child(data, "checkBox")
    if box is not None:
        checked = switch(child(box, "checked"))
        ticked = switch(child(box, "default")) if checked is None else checked
        return TICKED if ticked else UNTICKED
    choices = child(data, "ddList")
    if choices is None:
        return None
    entries = [value(one) or "" for one in children(choices, "listEntry")]
    chosen = whole(child(choices, "result"))
    place = (whole(child(choices, "default")) or 0) if chosen is None else chosen
    return entries[place] if 0 <= place < len(entries) else ""


def control_text(properties: "_Element | None", shown: str) -> str:
    """What a content control shows: its text; for a check box without a readable sign, the tick."""
    box = child(properties, "checkbox")
    sign = shown.strip()
    if box is not None and len(sign) <= _LONGEST_TICK and sign not in _BOXES:
        return TICKED if switch(child(box, "checked")) else UNTICKED
    for kind in () if sign or properties is None else ("dropDownList", "comboBox"):
        choices = child(properties, kind)
        chosen = value(choices, "lastValue")
        if choices is not None and chosen:
            items = (one for one in children(choices, "listItem") if value(one, "value") == chosen)
            return value(next(items, None), "displayText") or chosen
    return shown
