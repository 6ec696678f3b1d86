"""Shadow trees (`<template shadowrootmode>`): browsers show them instead of what their host holds."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lxml.html import HtmlElement

_MODES = frozenset({"open", "closed"})


def show_shadows(root: "HtmlElement") -> None:
    """Put each shadow tree in its place, and what its host holds into its slots."""
    # Inner ones first: what they show may stand in an outer slot.
    for template in reversed(list(root.iter("template"))):
        host = template.getparent()
        mode = template.get("shadowrootmode") or template.get("shadowroot") or ""
        if host is not None and mode.lower() in _MODES:
            _show(host, template)


def _show(host: "HtmlElement", template: "HtmlElement") -> None:
    for style in template.iter("style"):
        # Its rules hold within the shadow tree alone.
        style.text = None
    slots: dict[str, HtmlElement] = {}
    for slot in list(template.iter("slot")):
        slots.setdefault(slot.get("name", ""), slot)
        slot.tag = "span"
    filled: dict[str, list[HtmlElement | str]] = {name: [] for name in slots}
    filled.get("", []).append(host.text or "")
    host.text = None
    for one in list(host):
        tail, one.tail = one.tail, None
        host.remove(one)
        if one is not template and (name := one.get("slot", "")) in filled:
            filled[name].append(one)
        filled.get("", []).append(tail or "")
    for name, content in filled.items():
        if any(not isinstance(one, str) or one.strip() for one in content):
            _fill(slots[name], content)
    template.tag = "span"
    host.append(template)


def _fill(slot: "HtmlElement", content: "list[HtmlElement | str]") -> None:
    """Replace what a slot shows by itself."""
    for own in list(slot):
        slot.remove(own)
    texts: list[str] = []
    last: HtmlElement | None = None
    slot.text = None
    for one in [*content, None]:
        if isinstance(one, str):
            texts.append(one)
            continue
        text = "".join(texts)
        texts = []
        if last is None:
            slot.text = text
        else:
            last.tail = text
        if one is not None:
            slot.append(one)
            last = one
