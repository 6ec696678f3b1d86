"""The strings that the cells of a spreadsheet share, with their raised, lowered and struck parts told apart."""

from typing import Any

from qwenq.producer.reading.documents.scripts import SUB, SUPER, in_line

_KINDS = {"superscript": SUPER, "subscript": SUB}


def read_string_table(part: Any) -> list[str]:
    """The strings in their order, as openpyxl reads them but for their looks."""
    from openpyxl.cell.text import Text
    from openpyxl.xml.constants import SHEET_MAIN_NS
    from openpyxl.xml.functions import iterparse

    space = f"{{{SHEET_MAIN_NS}}}"
    strings = []
    for _, node in iterparse(part):
        if node.tag == f"{space}si":
            before = ""
            for run in node.iterfind(f"{space}r"):
                _write_look(run, before, space)
                before = run.findtext(f"{space}t") or before
            text: str = Text.from_tree(node).content  # type: ignore[union-attr]
            strings.append(text.replace("x005F_", ""))
            node.clear()
    return strings


def _write_look(run: Any, before: str, space: str) -> None:
    """Write into the text of a run how it looks, behind the text `before`."""
    look, text = run.find(f"{space}rPr"), run.find(f"{space}t")
    if look is None or text is None or not (inner := (text.text or "").strip()):
        return
    raised, struck = look.find(f"{space}vertAlign"), look.find(f"{space}strike")
    kind = None if raised is None else _KINDS.get(raised.get("val", ""))
    shown = inner
    if kind is not None:
        shown = in_line(inner, kind, "" if text.text[:1].isspace() else before)
    if struck is not None and struck.get("val", "1") not in {"0", "false"}:
        shown = f"~~{shown}~~"
    text.text = text.text.replace(inner, shown, 1)
