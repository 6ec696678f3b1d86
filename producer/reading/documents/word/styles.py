"""Styles of a Word document: which text they hide, which list they number, and which font they set."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from qwenq.producer.reading.documents.word.elements import child, children, switch, value, whole

if TYPE_CHECKING:
    from lxml.etree import _Element

_LONGEST_CHAIN = 50
"""Styles are based on each other; Word itself stops earlier."""


@dataclass(frozen=True, slots=True)
class ListPlace:
    """Which list numbers a paragraph, and at which level. `owner` is the style that says so."""

    list: int | None
    level: int | None
    owner: str | None = None


@dataclass(frozen=True, slots=True)
class _Style:
    based_on: str | None
    hidden: bool | None
    font: str | None
    place: ListPlace | None
    script: str | None
    struck: bool | None


class Styles:
    """The styles of a document. Without a styles part, text is plain."""

    def __init__(self, root: "_Element | None") -> None:
        self._styles: dict[str, _Style] = {}
        self._default: str | None = None
        self._all_hidden = False
        self._hiding: dict[str | None, bool] = {None: False}
        if root is None:
            return
        self._all_hidden = switch(child(root, "docDefaults", "rPrDefault", "rPr", "vanish")) is True
        for style in children(root, "style"):
            name = value(style, "styleId") or ""
            look = child(style, "rPr")
            self._styles[name] = _Style(
                value(child(style, "basedOn")),
                switch(child(look, "vanish")),
                font_of(look),
                list_place(child(style, "pPr"), name),
                value(child(look, "vertAlign")),
                _is_struck(look),
            )
            if value(style, "type") == "paragraph" and value(style, "default") in {"1", "true", "on"}:
                self._default = name

    def of_paragraph(self, properties: "_Element | None") -> str | None:
        """The style of a paragraph with these properties."""
        return value(child(properties, "pStyle")) or self._default

    def place(self, properties: "_Element | None", style: str | None) -> ListPlace | None:
        """The list and level of a paragraph: its own before its style's. None if it has no number."""
        own = list_place(properties, None)
        inherited = next((one.place for one in self._chain(style) if one.place), None)
        if own is None:
            return inherited
        if own.list is None and inherited is not None:
            return ListPlace(inherited.list, own.level, None if own.level is not None else inherited.owner)
        return own

    def list_of(self, style: str | None) -> int | None:
        """The list that a style numbers."""
        return next((one.place.list for one in self._chain(style) if one.place), None)

    def hides(self, paragraph: str | None, look: "_Element | None") -> bool:
        """Whether text is hidden that has this paragraph style and these properties. Its own say so before styles.

        A character style that hides, in a paragraph style that hides, shows: so Word combines switches.
        """
        own = switch(child(look, "vanish")) if look is not None else None
        if own is not None:
            return own
        run = value(child(look, "rStyle")) if look is not None else None
        return self._all_hidden or (self._hidden(paragraph) != self._hidden(run))

    def font(self, look: "_Element | None") -> str | None:
        """The font of text with these properties, if they or their character style set one."""
        if look is None:
            return None
        return font_of(look) or next(
            (one.font for one in self._chain(value(child(look, "rStyle"))) if one.font), None
        )

    def script(self, look: "_Element | None") -> str | None:
        """How text with these properties stands: `superscript`, `subscript`, or None."""
        if look is None:
            return None
        own = value(child(look, "vertAlign"))
        return own or next((one.script for one in self._of_run(look) if one.script), None)

    def strikes(self, look: "_Element | None") -> bool:
        """Whether text with these properties is struck through."""
        if look is None:
            return False
        own = _is_struck(look)
        return own if own is not None else any(one.struck for one in self._of_run(look))

    def _of_run(self, look: "_Element") -> list[_Style]:
        run = value(child(look, "rStyle"))
        return self._chain(run) if run is not None else []

    def _hidden(self, style: str | None) -> bool:
        if style not in self._hiding:
            found = next((one.hidden for one in self._chain(style) if one.hidden is not None), False)
            self._hiding[style] = found
        return self._hiding[style]

    def _chain(self, style: str | None) -> list[_Style]:
        """A style and those that it is based on."""
        chain: dict[str, _Style] = {}
        while (
            style is not None
            and style not in chain
            and len(chain) < _LONGEST_CHAIN
            and (found := self._styles.get(style))
        ):
            chain[style] = found
            style = found.based_on
        return list(chain.values())


def _is_struck(look: "_Element | None") -> bool | None:
    """Whether properties strike text through. None if they do not say so."""
    switches = [switch(child(look, name)) for name in ("strike", "dstrike")]
    return None if switches == [None, None] else any(switches)


def list_place(properties: "_Element | None", owner: str | None) -> ListPlace | None:
    """The list that the properties of a paragraph name."""
    number = child(properties, "numPr")
    if number is None:
        return None
    return ListPlace(whole(child(number, "numId")), whole(child(number, "ilvl")), owner)


def font_of(look: "_Element | None") -> str | None:
    """The font that properties of text set."""
    fonts = child(look, "rFonts")
    return value(fonts, "ascii") or value(fonts, "hAnsi")
