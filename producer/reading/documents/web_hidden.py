"""Parts of a web page that a reader does not see: hidden by an attribute, a style, or a rule of a style sheet."""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lxml.html import HtmlElement

NEVER_SHOWN = frozenset(
    {"datalist", "noscript", "script", "style", "template", "iframe", "noframes", "noembed"}
    | {"applet", "audio", "canvas", "embed", "object", "video"}
)
_HIDING = re.compile(
    r"(?:^|[;{\s])(?:display\s*:\s*none|visibility\s*:\s*(?:hidden|collapse))\b", re.IGNORECASE
)
_SHOWING = re.compile(r"(?:^|[;{\s])(?:display|visibility)\s*:", re.IGNORECASE)
_COMMENT = re.compile(r"/\*.*?(?:\*/|\Z)", re.DOTALL)
_SIMPLE = re.compile(r"(?:[a-z][a-z0-9]*)?([.#])([\w-]+)", re.IGNORECASE)
_NAMES = re.compile(r"[.#][\w-]+")
_MOST_STYLE = 1 << 20


def hidden_elements(root: "HtmlElement") -> list["HtmlElement"]:
    """The elements that are not shown. An element that holds the whole page always is."""
    names = _hidden_names("\n".join(style.text or "" for style in root.iter("style")))
    return [one for one in root.iter() if isinstance(one.tag, str) and _is_hidden(one, names)]


def _is_hidden(one: "HtmlElement", names: frozenset[str]) -> bool:
    tag = one.tag
    if tag in NEVER_SHOWN:
        return True
    if tag in ("html", "body"):
        return False
    if tag == "dialog" and "open" not in one.attrib:
        return True
    if "hidden" in one.attrib or _HIDING.search(one.get("style", "")):
        return True
    if not names or _SHOWING.search(one.get("style", "")):
        return False
    own = {f".{name}" for name in one.get("class", "").split()} | {f"#{one.get('id', '')}"}
    return not names.isdisjoint(own)


def _hidden_names(style_sheet: str) -> frozenset[str]:
    """The classes and ids that rules hide, and that no other rule shows.

    A name in a rule that is not simple, as in `.tab.active`, may be shown by it. Rules inside others, as for printing,
    do not count.
    """
    hidden, shown = set(), set()
    for selectors, body in _rules(_COMMENT.sub("", style_sheet[:_MOST_STYLE])):
        if _HIDING.search(body):
            simple = (_SIMPLE.fullmatch(selector.strip()) for selector in selectors.split(","))
            hidden |= {found[1] + found[2] for found in simple if found}
        elif _SHOWING.search(body):
            shown |= set(_NAMES.findall(selectors))
    return frozenset(hidden - shown)


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
