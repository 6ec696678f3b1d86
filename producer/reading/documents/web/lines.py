"""The lines of a web page: white space folds, blocks stand on lines of their own, cells behind tabs."""

import re
from collections.abc import Callable

_LOOKED_BACK = 3
_MOST_REWRITTEN = 24
_BLANK = " \t\n\r\f"
_WHITE = re.compile(f"[{_BLANK}]+")
# Letters that are written without spaces. A line's end between two of them is no space, as in browsers.
_WIDE = (
    "\u2e80-\u303e\u3041-\u33ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6"
)
_IS_WIDE = re.compile(f"[{_WIDE}]")
_BETWEEN_WIDE = re.compile(rf"(?<=[{_WIDE}])[ \t\r\f]*\n[{_BLANK}]*(?=[{_WIDE}])")


class Lines:
    """Text that is written piece by piece. White space, line ends and tabs wait until text follows them."""

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._ends = 0
        self._tabs = 0
        self._space = ""
        self._label = ""
        self._marks: list[str] = []
        self._at_edge = False

    def __str__(self) -> str:
        return "".join(self._pieces)

    @property
    def written(self) -> int:
        """How much is written: it grows with each text."""
        return len(self._pieces)

    def text(self, text: str) -> None:
        """Write text whose white space folds, together with that of its neighbours."""
        inner = text.strip(_BLANK)
        if not inner:
            self._fold(text)
            return
        start = text.index(inner[0])
        if start:
            self._fold(text[:start])
        if inner.isascii():
            self._write(" ".join(inner.split()))
        else:
            self._write(_WHITE.sub(" ", _BETWEEN_WIDE.sub("", inner)))
        if text[-1] in _BLANK:
            self._fold(text[start + len(inner) :])

    def as_it_stands(self, text: str) -> None:
        """Write text with its white space. The line ends behind it wait: the end of its block may be one of them."""
        inner = text.rstrip("\n")
        if inner:
            self._write(inner)
        self._ends += len(text) - len(inner)

    def line_by_line(self, text: str) -> None:
        """Write text whose line ends stay, while its other white space folds."""
        for place, line in enumerate(text.split("\n")):
            if place:
                self.end_line()
            if line:
                self.text(line)

    def apart(self, text: str = "") -> None:
        """Write what stands apart from its neighbours, such as a field's value; nothing stands for a picture."""
        self._space = " "
        if text:
            self._write(text)
            self._space = " "

    def label(self, label: str) -> None:
        """Put a list item's number before its first text, whatever blocks this is in."""
        self.end_label()
        self._label = label

    def end_label(self) -> None:
        """Write the number of an item without text of its own."""
        if self._label:
            self._write("")

    def end_line(self) -> None:
        """End the line, also an empty one."""
        if not self._at_edge:
            self._ends += 1
            self._space = ""

    def marked(self, begin: str, end: str) -> Callable[[], object]:
        """Put marks around the text that follows. Returns what to call at its end."""
        self._marks.append(begin)

        def close() -> None:
            if self._marks:
                # Nothing was written since.
                self._marks.pop()
            else:
                self._pieces.append(end)

        return close

    def rewrite(self, since: int, write: Callable[[str, str], str]) -> None:
        """Replace the text written since then by what `write` makes of it and of the text before it.

        Much text, and text of several lines, stays.
        """
        if len(self._pieces) - since > _MOST_REWRITTEN:
            return
        written = "".join(self._pieces[since:])
        text = written.strip()
        if not text or "\n" in text or "\t" in text:
            return
        white = written[: written.index(text[0])]
        before = white or "".join(self._pieces[max(since - _LOOKED_BACK, 0) : since])
        # As many pieces as before: their number says what was written since.
        self._pieces[since:] = [""] * (len(self._pieces) - since)
        self._pieces[-1] = white + write(text, before)

    def begin_line(self, ends: int) -> None:
        """Have at least so many line ends before the next text. Blocks at the edges of a cell need none."""
        if ends > self._ends and not self._at_edge:
            self._ends = ends
        self._space = ""

    def begin_cell(self, *, is_first: bool) -> tuple[int, bool]:
        """Begin a cell of a row. Returns what `end_cell` needs."""
        before = len(self._pieces), self._at_edge
        # Text may stand in a row beside its cells.
        goes_on = bool(self._pieces) and not self._ends and not self._at_edge
        self._tabs += goes_on or not is_first
        self._space = ""
        self._at_edge = True
        return before

    def end_cell(self, before: tuple[int, bool]) -> None:
        """End a cell. If it holds text, the next one goes on in the same line."""
        written, was_at_edge = before
        self._space = ""
        if len(self._pieces) > written:
            self._space = " "
            self._ends = 0
            self._at_edge = False
        else:
            self._at_edge = was_at_edge

    def skip_cells(self, count: int) -> None:
        """Leave cells of a row empty."""
        self._tabs += count

    def begin_row(self) -> tuple[int, int]:
        """Begin a row of a table. Returns what `end_row` needs."""
        self.begin_line(1)
        return len(self._pieces), self._tabs

    def end_row(self, before: tuple[int, int]) -> None:
        """End a row. Empty cells at its end leave nothing."""
        written, tabs = before
        self._tabs = 0 if len(self._pieces) > written else tabs
        self.begin_line(1)

    def _fold(self, white: str) -> None:
        if not self._space:
            self._space = "\n" if "\n" in white else " "

    def _write(self, text: str) -> None:
        pieces = self._pieces
        if self._ends or self._tabs or not pieces:
            if pieces:
                pieces.append("\n" * self._ends)
            pieces.append("\t" * self._tabs)
            self._ends = self._tabs = 0
        elif self._space and not (
            self._space == "\n" and _IS_WIDE.match(pieces[-1][-1:]) and _IS_WIDE.match(text)
        ):
            pieces.append(" ")
        self._space = ""
        self._at_edge = False
        if self._label:
            pieces.append(self._label if text else self._label.rstrip())
            self._label = ""
        if self._marks and text:
            pieces += self._marks
            self._marks.clear()
        pieces.append(text)
