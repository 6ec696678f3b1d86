"""Elements of WordprocessingML: names without namespaces, which differ in strict documents."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lxml.etree import _Element

_OFF = {"0", "false", "off"}


def name_of(element: "_Element") -> str:
    """An element's name without its namespace."""
    return str(element.tag).rpartition("}")[2]


def value(element: "_Element | None", name: str = "val") -> str | None:
    """An attribute in the element's own namespace. None if it, or the element, is missing."""
    if element is None:
        return None
    found: str | None = element.get(str(element.tag).rpartition("}")[0] + "}" + name)
    return found


def whole(element: "_Element | None", name: str = "val") -> int | None:
    """An attribute that is a whole number. None if it is missing, or something else."""
    text = value(element, name)
    try:
        return None if text is None else int(text)
    except ValueError:
        return None


def child(element: "_Element | None", *path: str) -> "_Element | None":
    """The first child of this name; with more names, its first child of the next, and so on."""
    for name in path:
        if element is None:
            return None
        element = next(children(element, name), None)
    return element


def children(element: "_Element", name: str) -> Iterator["_Element"]:
    """The children of this name."""
    return (one for one in element if name_of(one) == name)


def switch(element: "_Element | None") -> bool | None:
    """Whether a switch, such as w:vanish, is on. None if it is not there."""
    return None if element is None else (value(element) or "").lower() not in _OFF
