"""Walk a JSON schema: its subschemas and references, and checks over all of them."""

import re
from collections.abc import Callable, Iterator
from typing import Any

Node = Any  # a schema, or an invalid value in its place

_MAPS = ("properties", "patternProperties")
_LISTS = ("anyOf", "oneOf", "allOf", "prefixItems", "items")
_SINGLE = ("items", "additionalItems", "additionalProperties")
_PLACES = tuple(dict.fromkeys((*_MAPS, *_LISTS, *_SINGLE)))  # each once: twice at each depth is exponential
_DEFINITIONS = ("$defs", "definitions")
_MEETING = frozenset({"pattern", "format", "allOf", "anyOf", "properties", "patternProperties", "items"})
_POINTER = re.compile(r"#(/|$)")
_FEW_PATTERNS = 8
_MOST_SWEEPS = 50
_DEEPEST_PLACE = 50
_MOST_LOOKS = 1_000


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
    """The place of the smallest faulty subschema, within _MOST_LOOKS tries; # is the whole schema."""
    looks = iter(range(_MOST_LOOKS))
    place, node = "#", root
    definitions = {name: root[name] for name in _DEFINITIONS if isinstance(root, dict) and name in root}
    for _ in range(_DEEPEST_PLACE):
        link = referred(root, node)
        below = [link] if link else [(place + step, inner) for step, inner in subschemas(node)]
        guilty = (
            (at, inner)
            for at, inner in below
            if isinstance(inner, dict)
            and next(looks, None) is not None
            and is_faulty({**definitions, **inner})
        )
        worse = next(guilty, None)
        if worse is None:
            break
        place, node = worse
    return place


def has_finite_value(root: Node) -> bool:
    """Whether a finite value can satisfy the schema, despite references to itself."""
    links = dict(link for node in every_subschema(root) if (link := referred(root, node)))
    ending: set[str] = set()
    order = list(links)
    for _ in range(_MOST_SWEEPS):
        found = {name for name in order if name not in ending and _ends(links[name], ending, links)}
        if not found:
            return _ends(root, ending, links)
        ending |= found
        order.reverse()
    return True


def _ends(node: Node, ending: set[str], links: dict[str, Node]) -> bool:
    """Whether a value can be finite, given that the references in `ending` can."""
    if not isinstance(node, dict) or "enum" in node or "const" in node:
        return True
    reference = node.get("$ref")
    if isinstance(reference, str) and reference in links and reference not in ending:
        return False
    if not all(_ends(inner, ending, links) for inner in _listed(node, "allOf")):
        return False
    for name in ("anyOf", "oneOf"):
        choices = _listed(node, name)
        if choices and not any(_ends(inner, ending, links) for inner in choices):
            return False
    types = node.get("type")
    for type_ in types if isinstance(types, list) else [types]:
        needed = _members(node) if type_ == "object" else _elements(node) if type_ == "array" else []
        if all(_ends(inner, ending, links) for inner in needed):
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


def counts_open_names(node: Node) -> bool:
    """Whether an object must have more properties than it requires by name: a repeated name would count as one."""
    fewest = node.get("minProperties") if isinstance(node, dict) else None
    if not isinstance(fewest, int) or fewest <= max(1, len(set(_listed(node, "required")))):
        return False
    return node.get("additionalProperties") is not False or bool(node.get("patternProperties"))


def _listed(node: dict[str, Node], name: str) -> list[Node]:
    value = node.get(name)
    return value if isinstance(value, list) else []


def most_meeting_patterns(root: Node) -> int:
    """An upper bound of the regular expressions that must hold at once; if there are few, their number."""
    everywhere = sum(map(_own_patterns, every_subschema(root)))
    if everywhere <= _FEW_PATTERNS:
        return everywhere
    meeting = (node for node in every_subschema(root) if isinstance(node, dict) and _is_meeting(node))
    return max((_patterns_below(root, node) for node in meeting), default=0)


def _is_meeting(node: dict[str, Node]) -> bool:
    return "allOf" in node or ("$ref" in node and not _MEETING.isdisjoint(node))


def _patterns_below(root: Node, top: Node) -> int:
    """Count the regular expressions of a schema and its references."""
    count, waiting, seen = 0, [top], set()
    while waiting:
        node = waiting.pop()
        if not isinstance(node, dict):
            continue
        count += _own_patterns(node)
        waiting.extend(inner for _, inner in subschemas(node))
        link = referred(root, node)
        if link is not None and link[0] not in seen:
            seen.add(link[0])
            waiting.append(link[1])
    return count


def _own_patterns(node: Node) -> int:
    if not isinstance(node, dict):
        return 0
    named = node.get("patternProperties")
    return ("pattern" in node) + ("format" in node) + len(named if isinstance(named, dict) else ())
