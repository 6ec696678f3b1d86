"""Bounds how often the check of an answer may look at one of its values: choices of choices multiply."""

from collections.abc import Iterable
from typing import Any
from urllib.parse import unquote

from qwenq.schemas.errors import InvalidSchema

MOST_EVALUATIONS = 1_000_000  # of one value; they take about 0.03 s
_SAME_VALUE = (
    *("allOf", "anyOf", "oneOf", "not", "if", "then", "else", "dependentSchemas", "dependencies"),
    *("patternProperties", "additionalProperties", "unevaluatedProperties", "propertyNames"),
    *("additionalItems", "unevaluatedItems", "contains"),
)
"""Their schemas may all meet in one value, or in one below it."""
_EACH_ITS_OWN = ("properties", "items", "prefixItems")
_REFERENCES = ("$ref", "$dynamicRef", "$recursiveRef")
_IDS, _ANCHORS = ("$id", "id"), ("$anchor", "$dynamicAnchor")

Node = dict[str, Any]


def check_evaluations(schema: Node) -> None:
    """Raise InvalidSchema if checking an answer could look at one of its values more than MOST_EVALUATIONS times."""
    if _Evaluations(schema).of(schema) > MOST_EVALUATIONS:
        raise InvalidSchema(
            reason="its choices and references multiply: "
            f"one value would be checked more than {MOST_EVALUATIONS:,} times"
        )


class _Evaluations:
    """Counts evaluations of one value. A schema within itself counts once: the validator remembers it."""

    def __init__(self, root: Node) -> None:
        self._root = root
        self._named = {
            node[name].rpartition("/")[2].strip("#"): node
            for node in _objects(root)
            for name in (*_IDS, *_ANCHORS)
            if isinstance(node.get(name), str)
        }
        self._found: dict[int, int] = {}

    def of(self, top: Node) -> int:
        """The most evaluations of one value that the schema describes."""
        waiting: list[tuple[Node, bool]] = [(top, False)]
        begun: set[int] = set()
        while waiting:
            node, is_below_known = waiting.pop()
            here = id(node)
            if is_below_known:
                self._found[here] = self._sum(node)
            elif here not in begun:
                begun.add(here)
                waiting.append((node, True))
                waiting.extend((inner, False) for inner in self._together(node))
                waiting.extend((inner, False) for name in _EACH_ITS_OWN for inner in _schemas(node, name))
        return self._found[id(top)]

    def _sum(self, node: Node) -> int:
        apart = [self._known(inner) for name in _EACH_ITS_OWN for inner in _schemas(node, name)]
        return 1 + sum(map(self._known, self._together(node))) + max(apart, default=0)

    def _known(self, node: Node) -> int:
        return self._found.get(id(node), 1)

    def _together(self, node: Node) -> Iterable[Node]:
        for name in _REFERENCES:
            if isinstance(node.get(name), str) and (target := self._target(node[name])) is not None:
                yield target
        for name in _SAME_VALUE:
            yield from _schemas(node, name)

    def _target(self, reference: str) -> Node | None:
        """What a reference points at, in any of its forms; None if it is not in the schema."""
        address, _, fragment = unquote(reference).partition("#")
        name = address.rpartition("/")[2]
        found: Any = self._named.get(name, self._root) if name else self._root
        if fragment and not fragment.startswith("/"):
            found = self._named.get(fragment)
        for step in fragment.split("/")[1:]:
            key = step.replace("~1", "/").replace("~0", "~")
            if isinstance(found, dict):
                found = found.get(key)
            elif isinstance(found, list) and key.isdecimal() and int(key) < len(found):
                found = found[int(key)]
            else:
                return None
        return found if isinstance(found, dict) else None


def _schemas(node: Node, name: str) -> list[Node]:
    """The schemas that a keyword holds: one, a list, or a map of them."""
    value = node.get(name)
    if isinstance(value, dict) and name in {
        "properties",
        "patternProperties",
        "dependentSchemas",
        "dependencies",
    }:
        value = list(value.values())
    return [inner for inner in (value if isinstance(value, list) else [value]) if isinstance(inner, dict)]


def _objects(root: Node) -> Iterable[Node]:
    waiting: list[Any] = [root]
    while waiting:
        here = waiting.pop()
        if isinstance(here, dict):
            yield here
            waiting.extend(here.values())
        elif isinstance(here, list):
            waiting.extend(here)
