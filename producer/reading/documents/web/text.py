"""The text of a web page as a reader sees it, much as `innerText` gives it in browsers.

Text within a line joins (`H<sub>2</sub>O`), blocks stand on lines of their own, cells of a table behind tabs. html-text
puts spaces between inline elements; inscriptis pads tables to columns, which takes any amount of memory.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from qwenq.producer.reading.documents.scripts import SUB, SUPER, in_line
from qwenq.producer.reading.documents.web.elements import LEAVES, Elements, Ending
from qwenq.producer.reading.documents.web.lines import Lines
from qwenq.producer.reading.documents.web.styles import BREAKS, HIDDEN, PLAIN, Look, Styles

if TYPE_CHECKING:
    from lxml.etree import iterwalk
    from lxml.html import HtmlElement

_BLOCKS = frozenset({"block", "flex", "grid", "list-item", "table", "flow-root", "table-caption"})
_FLEXIBLE = frozenset({"flex", "grid", "inline-flex", "inline-grid"})
_AWAY = frozenset({"absolute", "fixed"})
_PREFORMATTED = frozenset({"pre", "xmp", "listing", "plaintext"})
_STRUCK = frozenset({"del", "s", "strike"})
"""Text that does not hold any more, as a reader sees: it is marked."""
_OWN_INSIDE = _PREFORMATTED | _STRUCK | {"svg"}
_WHITE_SPACE = {
    "pre": "pre", "pre-wrap": "pre", "break-spaces": "pre", "pre-line": "pre-line", "normal": "", "nowrap": "",
}  # fmt: skip
_SCRIPTS = {"sup": SUPER, "super": SUPER, "sub": SUB}
_SINGLE = frozenset({"br", "img", "input", "wbr"})
_UNSEEN_IN_DRAWINGS = frozenset({"title", "desc", "metadata", "defs", "symbol"})


@dataclass(frozen=True, slots=True)
class _Within:
    """What holds for the text within an element. `is_flexible`: its children stand on lines of their own."""

    white_space: str = ""
    is_visible: bool = True
    is_flexible: bool = False
    is_drawing: bool = False
    is_struck: bool = False


_PAGE = _Within()


def shown_text(pages: "Sequence[HtmlElement]") -> str:
    """The text of a page's elements, or of all pages of a file."""
    from lxml.etree import iterwalk

    lines = Lines()
    reader = _Reader(Styles(pages), lines)
    for page in pages:
        reader.read(iterwalk(page, events=("start", "end")))
    return str(lines)


class _Reader:
    def __init__(self, styles: Styles, lines: Lines) -> None:
        self._lines = lines
        self._elements = Elements(lines)
        self._styles = styles
        self._within = _PAGE
        self._open: list[tuple[_Within, int, Ending | None]] = []

    def read(self, walk: "iterwalk") -> None:
        """Write the text of all elements."""
        for event, one in walk:
            if event == "end":
                self._end()
                if self._open and one.tail:
                    self._text(one.tail)
            elif not self._begin(one) or one.tag in LEAVES:
                walk.skip_subtree()
            elif text := one.text:
                # As in browsers, a line's end just behind the tag does not count.
                self._text(text.removeprefix("\n") if one.tag in _PREFORMATTED else text)

    def _begin(self, one: "HtmlElement") -> bool:
        """Begin an element. Returns False for one that is not shown."""
        tag, within = one.tag, self._within
        look = self._styles.of(one)
        if look.display == "none" or (within.is_drawing and tag in _UNSEEN_IN_DRAWINGS):
            self._open.append((within, 0, None))
            return False
        ends = BREAKS.get(tag, 0)
        inner = within
        if look is not PLAIN or within is not _PAGE or tag in _OWN_INSIDE:
            ends = _ends(tag, look, within)
            inner = _inner(tag, look, within)
        if ends:
            self._lines.begin_line(ends)
        ending = self._elements.begin(one, look.display, is_visible=inner.is_visible)
        if ending is None and not ends and (script := _SCRIPTS.get(look.vertical_align or tag)):
            ending = self._script(script)
        if inner.is_struck and not within.is_struck and inner.is_visible:
            ending = _both(ending, self._lines.marked("~~", "~~"))
        self._open.append((within, ends, ending))
        self._within = inner
        return True

    def _end(self) -> None:
        self._within, ends, ending = self._open.pop()
        if ending is not None:
            ending()
        if ends:
            self._lines.begin_line(ends)

    def _script(self, kind: str) -> Ending:
        """A superscript or a subscript: no more digits of the number before it."""
        before = self._lines.written
        return lambda: self._lines.rewrite(before, lambda text, left: in_line(text, kind, left))

    def _text(self, text: str) -> None:
        within = self._within
        if not within.is_visible:
            return
        if not within.white_space:
            self._lines.text(text)
        elif within.white_space == "pre":
            self._lines.as_it_stands(text)
        else:
            self._lines.line_by_line(text)


def _both(first: Ending | None, last: Ending) -> Ending:
    if first is None:
        return last

    def end() -> None:
        first()
        last()

    return end


def _inner(tag: str, look: Look, within: _Within) -> _Within:
    """What holds within an element."""
    white_space = "pre" if tag in _PREFORMATTED else within.white_space
    inner = _Within(
        _WHITE_SPACE.get(look.white_space, white_space),
        look.visibility == "visible" or (within.is_visible and look.visibility not in HIDDEN),
        look.display in _FLEXIBLE,
        within.is_drawing or tag == "svg",
        within.is_struck or tag in _STRUCK or look.text_decoration == "line-through",
    )
    return _PAGE if inner == _PAGE else inner


def _ends(tag: str, look: Look, within: _Within) -> int:
    """How many line ends stand before and behind an element."""
    ends = BREAKS.get(tag, 0)
    if look.display in _BLOCKS:
        ends = max(ends, 1)
    elif look.display.startswith("inline") or look.display == "contents":
        ends = 0
    is_line = within.is_flexible and tag not in _SINGLE
    is_label = within.is_drawing and tag == "text"
    return max(ends, 1) if is_line or is_label or look.position in _AWAY else ends
