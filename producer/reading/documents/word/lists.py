"""Lists of a Word document: the number or bullet before each paragraph, as Word counts them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from qwenq.producer.reading.documents.word.elements import child, children, name_of, switch, value, whole
from qwenq.producer.reading.documents.word.list_numbers import shown_number
from qwenq.producer.reading.documents.word.styles import ListPlace, Styles, font_of
from qwenq.producer.reading.documents.word.symbols import in_font

if TYPE_CHECKING:
    from lxml.etree import _Element

_LEVELS = 9
_LONGEST_TEXT = 255
"""The most characters of a level's text that are shown, before numbers are put into it."""
_PLACE = re.compile("%([1-9])")
_SYMBOL_FONT = "Symbol"
_RING = "o"
"""The bullet of a second level is this letter in the font Courier New."""


@dataclass(frozen=True, slots=True)
class _Level:
    start: int = 1
    kind: str = "decimal"
    pattern: str | None = None
    text: str = ""
    restart: int | None = None
    legal: bool = False
    gap: str = " "
    font: str | None = None
    style: str | None = None
    hidden: bool = False


@dataclass(frozen=True, slots=True)
class _List:
    """A list: the definition that it counts with, levels of its own, and levels that begin anew with it."""

    definition: str
    own: dict[int, _Level]
    starts: dict[int, int]


class Lists:
    """Counts the paragraphs of lists. Call `label` for each of them, in order."""

    def __init__(self, root: "_Element | None", styles: Styles) -> None:
        self._styles = styles
        self._are_defined = root is not None
        self._definitions: dict[str, dict[int, _Level]] = {}
        self._links: dict[str, str] = {}
        self._lists: dict[int, _List] = {}
        self._counts: dict[str, dict[int, int]] = {}
        self._begun: set[int] = set()
        for one in children(root, "abstractNum") if root is not None else ():
            name = value(one, "abstractNumId") or ""
            self._definitions[name] = dict(_levels(one))
            if link := value(child(one, "numStyleLink")):
                self._links[name] = link
        for one in children(root, "num") if root is not None else ():
            number = whole(one, "numId")
            if number is not None:
                self._lists[number] = _list(one)

    def label(self, place: ListPlace) -> str:
        """Count a paragraph. Returns what stands before it; "" for nothing."""
        number = place.list
        if not number:
            return ""
        used = self._lists.get(number)
        if used is None:
            if self._are_defined:
                return ""
            # Some programs write lists without their definitions.
            used = _List(f"list {number}", {}, {})
        levels = {**self._levels_of(used.definition), **used.own}
        depth = self._depth(place, levels)
        level = levels.get(depth) or _Level(text=f"%{depth + 1}.")
        counts = self._counted(number, used, levels, depth)
        if level.hidden:
            return ""
        shown = self._shown(level, levels, counts, depth)
        return shown + level.gap if shown.strip() else ""

    def is_bullet(self, place: ListPlace) -> bool:
        """Whether the paragraph has a bullet, not a number."""
        used = self._lists.get(place.list or 0)
        if used is None:
            return False
        levels = {**self._levels_of(used.definition), **used.own}
        level = levels.get(self._depth(place, levels))
        return level is not None and level.kind == "bullet"

    def _levels_of(self, name: str) -> dict[int, _Level]:
        """The levels of a definition. One without levels names a style, whose list has them."""
        for _ in range(_LEVELS):
            link = self._links.get(name)
            if link is None:
                break
            linked = self._lists.get(self._styles.list_of(link) or 0)
            if linked is None:
                break
            name = linked.definition
        return self._definitions.get(name, {})

    def _depth(self, place: ListPlace, levels: dict[int, _Level]) -> int:
        """The level, from 0. A style's level is the one that names the style."""
        if place.owner is not None:
            for depth, level in levels.items():
                if level.style == place.owner:
                    return depth
        return min(max(place.level or 0, 0), _LEVELS - 1)

    def _counted(self, number: int, used: _List, levels: dict[int, _Level], depth: int) -> dict[int, int]:
        counts = self._counts.setdefault(used.definition, {})
        if number not in self._begun:
            self._begun.add(number)
            for begun in used.starts:
                counts.pop(begun, None)
        if depth in counts:
            counts[depth] += 1
        else:
            counts[depth] = used.starts.get(depth, levels.get(depth, _Level()).start)
        for deeper in [one for one in counts if one > depth]:
            restart = levels.get(deeper, _Level()).restart
            if restart is None or depth < restart:
                del counts[deeper]
        return counts

    def _shown(self, level: _Level, levels: dict[int, _Level], counts: dict[int, int], depth: int) -> str:
        if level.kind == "bullet":
            return _bullet(level)

        def number_of(found: re.Match[str]) -> str:
            place = int(found[1]) - 1
            if place > depth:
                return ""
            other = levels.get(place, _Level())
            kind = "decimal" if level.legal else other.kind
            return shown_number(counts.get(place, other.start), kind, other.pattern)

        return _PLACE.sub(number_of, level.text)


def _levels(parent: "_Element") -> Iterator[tuple[int, _Level]]:
    for one in children(parent, "lvl"):
        depth = whole(one, "ilvl")
        if depth is not None and 0 <= depth < _LEVELS:
            yield depth, _level(one)


def _level(one: "_Element") -> _Level:
    kind = child(one, "numFmt")
    if kind is None:
        # A custom format stands in an alternative that new programs choose.
        kind = child(one, "AlternateContent", "Choice", "numFmt")
    start, text = whole(child(one, "start")), value(child(one, "lvlText"))
    look = child(one, "rPr")
    return _Level(
        start=0 if start is None else start,
        kind=value(kind) or "decimal",
        pattern=(value(kind, "format") or "")[:_LONGEST_TEXT] or None,
        text=(text or "")[:_LONGEST_TEXT],
        restart=whole(child(one, "lvlRestart")),
        legal=switch(child(one, "isLgl")) is True,
        gap="" if value(child(one, "suff")) == "nothing" else " ",
        font=font_of(look),
        style=value(child(one, "pStyle")),
        hidden=switch(child(look, "vanish")) is True,
    )


def _list(one: "_Element") -> _List:
    own: dict[int, _Level] = {}
    starts: dict[int, int] = {}
    for override in children(one, "lvlOverride"):
        depth = whole(override, "ilvl")
        if depth is None or not 0 <= depth < _LEVELS:
            continue
        for inner in override:
            if name_of(inner) == "lvl":
                own[depth] = _level(inner)
            elif name_of(inner) == "startOverride":
                starts[depth] = whole(inner) or 0
    return _List(value(child(one, "abstractNumId")) or "", own, starts)


def _bullet(level: _Level) -> str:
    text = level.text
    if text == _RING:
        return "◦"
    private = any("\uf000" <= letter <= "\uf0ff" for letter in text)
    shown = in_font(text, level.font or (_SYMBOL_FONT if private else None))
    return "•" if "\ufffd" in shown or any("\ue000" <= letter <= "\uf8ff" for letter in shown) else shown
