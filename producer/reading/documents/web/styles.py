"""How the elements of a web page are laid out: by their tags, their own styles, and simple rules of style sheets."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lxml.html import HtmlElement

NEVER_SHOWN = frozenset(
    {"datalist", "noscript", "script", "style", "template", "iframe", "noframes", "noembed"}
    | {"applet", "audio", "canvas", "embed", "object", "video"}
)
_BLOCKS = (
    "address article aside body caption center dd details dialog dir div dt fieldset figcaption footer form frameset "
    "header hgroup hr html legend li main menu nav optgroup option search section summary table tr"
)
_PARAGRAPHS = "blockquote dl figure h1 h2 h3 h4 h5 h6 listing ol p plaintext pre title ul xmp"
BREAKS = dict.fromkeys(_BLOCKS.split(), 1) | dict.fromkeys(_PARAGRAPHS.split(), 2)
"""How many line ends stand before and behind an element. Those between two elements are not added up."""
_SET = re.compile(
    r"(?:^|[;{])\s*+(display|visibility|white-space|position|vertical-align|text-decoration)\s*+:\s*+([\w-]++)([^;]*+)",
    re.IGNORECASE,
)
_COMMENT = re.compile(r"/\*.*?(?:\*/|\Z)", re.DOTALL)
_SIMPLE = re.compile(r"([a-z][\w-]*)?(?:([.#])([\w-]+))?", re.IGNORECASE)
_NAMES = re.compile(r"[.#][\w-]+")
_MOST_STYLE = 1 << 20
HIDDEN = frozenset({"hidden", "collapse"})
_TWICE = "katex-html"
"""KaTeX draws an equation again beside its MathML."""
_PROPERTIES = ("display", "visibility", "white-space", "position", "vertical-align", "text-decoration")
_SHOWING = ("display", "visibility")


@dataclass(frozen=True, slots=True)
class Look:
    """What an element's styles say; "" where they say nothing."""

    display: str = ""
    visibility: str = ""
    white_space: str = ""
    position: str = ""
    vertical_align: str = ""
    text_decoration: str = ""


PLAIN = Look()
"""The look of an element whose styles say nothing."""


class Styles:
    """The styles of a page. Only rules for a tag, a class or an id alone count."""

    def __init__(self, pages: "Sequence[HtmlElement]") -> None:
        sheets = (style.text or "" for page in pages for style in page.iter("style"))
        self._by_name = _rules_by_name("\n".join(sheets))
        self._has_names = any(name[0] in ".#" for name in self._by_name)
        self._own: dict[str, dict[str, str]] = {}

    def of(self, one: "HtmlElement") -> Look:
        """How an element is laid out. One that is not shown at all has the display `none`."""
        tag = one.tag
        if tag in NEVER_SHOWN or (one.get("class") == _TWICE and one.getprevious() is not None):
            return Look("none")
        style = one.get("style")
        own = self._of_style(style) if style else {}
        named = self._named(one, tag) if self._by_name else {}
        said = {**named, **own} if named else own
        if tag in {"html", "body"}:
            # What holds the whole page is shown by a script.
            return PLAIN
        if not said.get("display") and _is_hidden(one, tag):
            return Look("none")
        if not said:
            return PLAIN
        return Look(*(said.get(name, "") for name in _PROPERTIES))

    def _of_style(self, style: str) -> dict[str, str]:
        found = self._own.get(style)
        if found is None:
            found = self._own[style] = _declared(style)
        return found

    def _named(self, one: "HtmlElement", tag: str) -> dict[str, str]:
        said = self._by_name.get(tag, {})
        if self._has_names:
            for name in (one.get("class") or "").split():
                if (more := self._by_name.get(f".{name}")) is not None:
                    said = {**said, **more}
            if (own_id := one.get("id")) and (more := self._by_name.get(f"#{own_id}")) is not None:
                said = {**said, **more}
        return said


def _is_hidden(one: "HtmlElement", tag: str) -> bool:
    """Whether its attributes hide it. What is opened by a click on the page, or found by searching it, is shown."""
    hidden: str | None = one.get("hidden")
    if hidden is not None:
        return hidden.lower() != "until-found"
    return (tag == "dialog" and one.get("open") is None) or one.get("popover") is not None


def _declared(style: str) -> dict[str, str]:
    """The declarations of a style. The last one of a property wins, or the last important one."""
    said: dict[str, str] = {}
    important = set()
    for found in _SET.finditer(style):
        name, value = found[1].lower(), found[2].lower()
        is_important = "important" in found[3]
        if is_important or name not in important:
            said[name] = value
        if is_important:
            important.add(name)
    return said


def _rules_by_name(style_sheet: str) -> dict[str, dict[str, str]]:
    """What rules say of the elements of a class (`.a`), an id (`#a`) or a tag.

    What one rule hides may be shown by another, as `.tab.active` shows a `.tab`: such a name is shown. Rules inside
    others, as for printing, do not count.
    """
    by_name: dict[str, dict[str, str]] = {}
    shown: set[str] = set()
    for selectors, body in _rules(_COMMENT.sub("", style_sheet[:_MOST_STYLE])):
        said = _declared(body)
        if not said:
            continue
        for selector in selectors.split(","):
            found = _SIMPLE.fullmatch(selector.strip())
            if found and found[0]:
                name = found[2] + found[3] if found[2] else found[1].lower()
                by_name[name] = by_name.get(name, {}) | said
        if not _hides(said) and not said.keys().isdisjoint(_SHOWING):
            shown.update(_NAMES.findall(selectors))
    for name in shown & by_name.keys():
        if _hides(by_name[name]):
            by_name[name] = {key: value for key, value in by_name[name].items() if key not in _SHOWING}
    return by_name


def _hides(said: dict[str, str]) -> bool:
    return said.get("display") == "none" or said.get("visibility") in HIDDEN


def _rules(style_sheet: str) -> Iterator[tuple[str, str]]:
    """The selectors and the bodies of the rules that stand alone; rules inside others are only passed over."""
    depth = start = 0
    selectors = ""
    nested = False
    for brace in re.finditer(r"[{}]", style_sheet):
        if brace[0] == "{":
            if depth == 0:
                selectors = style_sheet[start : brace.start()].rpartition(";")[2]
                start, nested = brace.end(), selectors.lstrip().startswith("@")
            depth += 1
            nested = nested or depth > 1
        elif depth:
            depth -= 1
            if depth == 0:
                if not nested:
                    yield selectors, style_sheet[start : brace.start()]
                start = brace.end()
