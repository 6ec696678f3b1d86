"""Walk a JSON schema: its subschemas and references, and checks over all of them."""

import re
import time
from collections.abc import Callable, Iterator
from typing import Any

Node = Any  # a schema, or an invalid value in its place

_MAPS = ("properties", "patternProperties")
_LISTS = ("anyOf", "oneOf", "allOf", "prefixItems", "items")
_SINGLE = ("items", "additionalItems", "additionalProperties")
_PLACES = tuple(dict.fromkeys((*_MAPS, *_LISTS, *_SINGLE)))  # each once: twice at each depth is exponential
_DEFINITIONS = ("$defs", "definitions")
_POINTER = re.compile(r"#(/|$)")
_MOST_SWEEPS = 50
_DEEPEST_PLACE = 50
_LOOKING_SECONDS = 0.3
_MOST_ENDINGS = 100_000


def subschemas(node: Node) -> Iterator[tuple[str, Node]]:
    """The direct subschemas of a schema, each with its place in it."""
    if not isinstance(node, dict):
        return
    for name in _PLACES:
        value = node.get(name)
        if isinstance(value, dict) and name in _MAPS:
            yield from ((f"/{name}/{key}", inner) for key, inner in value.items())
        elif isinstance(value, list) and name in _LISTS:
            yield from ((f"/{name}/{index}", inner) for index, inner in enumerate(value))
        elif isinstance(value, dict) and name in _SINGLE:
            yield f"/{name}", value


def referred(root: Node, node: Node) -> tuple[str, Node] | None:
    """A schema's `$ref` into the same document, and what it points at; None without one."""
    reference = node.get("$ref") if isinstance(node, dict) else None
    if not isinstance(reference, str) or not _POINTER.match(reference):
        return None  # an anchor or an address: the library follows these
    found = root
    for step in reference[1:].split("/")[1:]:
        name = step.replace("~1", "/").replace("~0", "~")
        if not isinstance(found, dict) or name not in found:
            return None
        found = found[name]
    return reference, found


def every_subschema(root: Node) -> Iterator[Node]:
    """The schema and all its subschemas, definitions included."""
    waiting = [root]
    while waiting:
        node = waiting.pop()
        yield node
        waiting.extend(inner for _, inner in subschemas(node))
        if isinstance(node, dict):
            for name in _DEFINITIONS:
                definitions = node.get(name)
                waiting.extend(definitions.values() if isinstance(definitions, dict) else ())


def fault_place(root: Node, is_faulty: Callable[[Node], bool]) -> str:
    """The place of the smallest faulty subschema, as far as it is found soon; # is the whole schema."""
    deadline = time.monotonic() + _LOOKING_SECONDS
    place, node = "#", root
    definitions = {name: root[name] for name in _DEFINITIONS if isinstance(root, dict) and name in root}
    for _ in range(_DEEPEST_PLACE):
        link = referred(root, node)
        below = [link] if link else [(place + step, inner) for step, inner in subschemas(node)]
        guilty = (
            (at, inner)
            for at, inner in below
            if isinstance(inner, dict) and time.monotonic() < deadline and is_faulty({**definitions, **inner})
        )
        worse = next(guilty, None)
        if worse is None:
            break
        place, node = worse
    return place


def has_finite_value(root: Node) -> bool:
    """Whether a finite value can satisfy the schema, despite references to itself. True if finding out takes long."""
    links = dict(link for node in every_subschema(root) if (link := referred(root, node)))
    endings = _Endings(links)
    order = list(links)
    try:
        for _ in range(_MOST_SWEEPS):
            found = {name for name in order if name not in endings.known and endings.ends(links[name])}
            if not found:
                return endings.ends(root)
            endings.known |= found
            order.reverse()
    except TimeoutError:
        pass
    return True


class _Endings:
    """Which references can be finite, by what is `known` so far. All looks together are bounded."""

    def __init__(self, links: dict[str, Node]) -> None:
        self.known: set[str] = set()
        self._links = links
        self._looks = _MOST_ENDINGS

    def ends(self, node: Node) -> bool:
        """Whether a value can be finite, given that the known references can. Raises TimeoutError."""
        self._looks -= 1
        if self._looks < 0:
            raise TimeoutError
        if not isinstance(node, dict) or "enum" in node or "const" in node:
            return True
        reference = node.get("$ref")
        if isinstance(reference, str) and reference in self._links and reference not in self.known:
            return False
        if not all(map(self.ends, _listed(node, "allOf"))):
            return False
        for name in ("anyOf", "oneOf"):
            choices = _listed(node, name)
            if choices and not any(map(self.ends, choices)):
                return False
        types = node.get("type")
        for type_ in types if isinstance(types, list) else [types]:
            needed = _members(node) if type_ == "object" else _elements(node) if type_ == "array" else []
            if all(map(self.ends, needed)):
                return True
        return False


def _members(node: dict[str, Node]) -> list[Node]:
    """The schemas of the properties that an object must have."""
    known = node.get("properties")
    others = node.get("additionalProperties")
    return [
        known.get(name, others) if isinstance(known, dict) else others for name in _listed(node, "required")
    ]


def _elements(node: dict[str, Node]) -> list[Node]:
    """The schemas of the elements that an array must have."""
    fewest, first = node.get("minItems"), _listed(node, "prefixItems")
    if not isinstance(fewest, int):
        return []
    return first[:fewest] + ([node.get("items")] if fewest > len(first) else [])


def _listed(node: dict[str, Node], name: str) -> list[Node]:
    value = node.get(name)
    return value if isinstance(value, list) else []
