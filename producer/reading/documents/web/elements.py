"""Elements of a web page that write more than their text: line ends, fields, numbered items, cells, equations."""

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from qwenq.producer.reading.documents.web.columns import Columns
from qwenq.producer.reading.documents.web.equations import linear
from qwenq.producer.reading.documents.web.lines import Lines
from qwenq.producer.reading.documents.web.shown import Numbers, value_of_field

if TYPE_CHECKING:
    from lxml.html import HtmlElement

EQUATIONS = ("math", "m:math", "mml:math")
LEAVES = frozenset({"select", "textarea", *EQUATIONS})
"""Elements whose content is written at once, when they begin."""
_LISTS = ("ol", "ul", "menu", "dir")
_BY_DISPLAY = {"table": "table", "table-row": "tr", "table-cell": "td", "list-item": "li"}
_PICTURED_TEXT = frozenset({"latex", "tex", "math", "emoji"})
_UNNUMBERED = re.compile(r"list-style(?:-type)?\s*:[^;]*\bnone\b", re.IGNORECASE)
_LAID_OUT = frozenset(_BY_DISPLAY.values()) | {"th"}

Ending = Callable[[], object]
_Begin = Callable[["HtmlElement"], Ending | None]


class Elements:
    """Writes to the lines what elements give beside their text."""

    def __init__(self, lines: Lines) -> None:
        self._lines = lines
        self._is_visible = True
        self._lists: list[Numbers | None] = []
        self._tables: list[Columns] = []
        self._behind_link = -1
        self._by_tag: dict[str, _Begin] = {
            "br": self._line_end,
            "img": self._image,
            "svg": self._picture,
            "a": self._link,
            "label": self._link,
            "time": self._link,
            "button": self._picture,
            "progress": self._picture,
            "meter": self._picture,
            "q": self._quotation,
            "input": self._field,
            "select": self._field,
            "textarea": self._text_area,
            "rt": self._reading,
            "li": self._item,
            "table": self._table,
            "tr": self._row,
            "td": self._cell,
            "th": self._cell,
            **dict.fromkeys(_LISTS, self._list),
            **dict.fromkeys(EQUATIONS, self._equation),
        }

    def begin(self, one: "HtmlElement", display: str, *, is_visible: bool) -> Ending | None:
        """Write what stands before an element's text. Returns what to call at its end, if anything."""
        tag = one.tag
        if display:
            # A row, a cell or an item that is displayed as something else is none.
            tag = _BY_DISPLAY.get(display, "" if tag in _LAID_OUT else tag)
        begin = self._by_tag.get(tag)
        if begin is None:
            return None
        self._is_visible = is_visible
        return begin(one)

    def _line_end(self, _: "HtmlElement") -> None:
        self._lines.end_line()

    def _image(self, one: "HtmlElement") -> None:
        """A picture is left out, unless it is one of an equation or a sign, which its text writes."""
        names = (one.get("class") or "").split()
        is_text = any(name in _PICTURED_TEXT or name.startswith("mwe-math") for name in names)
        self._lines.apart(one.get("alt", "").strip() if is_text and self._is_visible else "")

    def _picture(self, _: "HtmlElement") -> Ending:
        self._lines.apart()
        return self._lines.apart

    def _quotation(self, _: "HtmlElement") -> Ending | None:
        return self._lines.marked("“", "”") if self._is_visible else None

    def _link(self, _: "HtmlElement") -> Ending:
        """Links side by side are no word: style sheets set them apart."""
        if self._behind_link == self._lines.written:
            self._lines.apart()
        before = self._lines.written

        def end() -> None:
            if self._lines.written > before:
                self._behind_link = self._lines.written

        return end

    def _field(self, one: "HtmlElement") -> None:
        value = value_of_field(one)
        if value and self._is_visible:
            self._lines.apart(value)

    def _text_area(self, one: "HtmlElement") -> None:
        if self._is_visible:
            self._lines.apart()
            self._lines.as_it_stands("".join(one.itertext()).removeprefix("\n"))
            self._lines.apart()

    def _equation(self, one: "HtmlElement") -> None:
        if self._is_visible:
            self._lines.text(linear(one))

    def _reading(self, one: "HtmlElement") -> Ending | None:
        """The reading of a word stands in brackets."""
        before = one.getprevious()
        if not self._is_visible or (before is not None and before.tag == "rp"):
            return None
        self._lines.text("(")
        return lambda: self._lines.text(")")

    def _list(self, one: "HtmlElement") -> Ending:
        is_numbered = one.tag == "ol" and not _UNNUMBERED.search(one.get("style", ""))
        self._lists.append(Numbers(one) if is_numbered else None)
        return self._lists.pop

    def _item(self, one: "HtmlElement") -> Ending | None:
        numbers = self._lists[-1] if self._lists else None
        if numbers is None:
            return None
        label = numbers.of(one)
        if not self._is_visible:
            return None
        self._lines.label(label)
        return self._lines.end_label

    def _table(self, _: "HtmlElement") -> Ending:
        # Its cells without a row form one.
        self._tables.append(Columns(self._lines.skip_cells))
        return self._tables.pop

    def _row(self, _: "HtmlElement") -> Ending:
        before = self._lines.begin_row()
        table = self._tables[-1] if self._tables else Columns(self._lines.skip_cells)
        self._tables.append(table)
        end_row = table.begin_row()

        def end() -> None:
            end_row()
            self._tables.pop()
            self._lines.end_row(before)

        return end

    def _cell(self, one: "HtmlElement") -> Ending:
        if not self._tables:
            self._lines.begin_line(1)
            return lambda: self._lines.begin_line(1)
        table = self._tables[-1]
        before = self._lines.begin_cell(is_first=table.begin_cell())
        end_cell = table.cell(one)

        def end() -> None:
            self._lines.end_cell(before)
            end_cell()

        return end
