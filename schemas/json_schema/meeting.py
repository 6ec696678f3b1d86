"""Bounds of what a schema's patterns and divisors cost. Those that must hold of one value are combined in its grammar.

A `$ref` may point at any place of the document, `default` and `enum` included. So all objects in it are looked at, not
only subschemas.
"""

import re
from collections.abc import Iterator
from math import lcm
from typing import Any, NamedTuple

from qwenq.schemas.errors import InvalidSchema

MOST_MEETING_PATTERNS = 16  # each more makes intersecting regular expressions take half as long again
LARGEST_DIVISOR = 10_000  # a grammar has a state for each remainder
DIVISORS_IN_ALL = 50_000
_LARGEST_SCALED = 2**16 - 1  # the library multiplies two of them in 32 bits, and does not see an overflow
_MOST_DIGITS = 2**32 - 1
_MOST_LOOKS = 50_000
_FEW_PATTERNS = 8
_DEFINITIONS = ("$defs", "definitions")
_CONSTRAINTS = frozenset(
    {"multipleOf", "pattern", "format", "allOf", "anyOf", "oneOf", "properties", "patternProperties", "items"}
)
_POINTER = re.compile(r"#(/|$)")

Node = dict[str, Any]


def check_meeting(schema: Node) -> None:
    """Raise InvalidSchema if the patterns or divisors of a schema would cost too much, each or combined."""
    everything = list(objects_in(schema))
    divisors = [_divisor(node) for node in everything]
    patterns = sum(map(_patterns, everything))
    if patterns <= _FEW_PATTERNS and set(divisors) <= {None, _ONE}:
        return
    meetings = _Meetings(schema, everything)
    in_all = sum(map(_states, divisors))
    for node in filter(_is_meeting, everything):
        in_all += meetings.check(node)
    if in_all > DIVISORS_IN_ALL:
        raise InvalidSchema(
            reason=f"its divisors (multipleOf) add up to {in_all:,}; at most {DIVISORS_IN_ALL:,} are allowed"
        )


class _Divisor(NamedTuple):
    """A divisor, or the least common multiple of several.

    `coefficient` is without decimal places. `scaled` is in units of the last of all `decimals`.
    """

    coefficient: int
    decimals: int
    scaled: int

    def multiple(self, other: "_Divisor") -> "_Divisor":
        """Return the least common multiple."""
        decimals = max(self.decimals, other.decimals)
        mine, others = (one.scaled * 10 ** (decimals - one.decimals) for one in (self, other))
        return _Divisor(lcm(self.coefficient, other.coefficient), decimals, lcm(mine, others))


_ONE = _Divisor(1, 0, 1)


class _Meetings:
    """Looks at what meets below a node. All looks together are bounded."""

    def __init__(self, root: Node, everything: list[Node]) -> None:
        self._root = root
        self._everything = everything
        self._looks = _MOST_LOOKS

    def check(self, node: Node) -> int:
        """Return the sum of the divisors that meet in a node. Raises InvalidSchema."""
        patterns, together, in_all = 0, _ONE, 0
        combines = _combines_patterns(node)
        for part in self._below(node):
            patterns += _patterns(part) if combines else 0
            divisor = _divisor(part)
            in_all += _states(divisor)
            together = together if divisor is None else together.multiple(divisor)
            if patterns > MOST_MEETING_PATTERNS:
                raise InvalidSchema(
                    reason=f"more than {MOST_MEETING_PATTERNS} patterns meet in an allOf or beside a $ref"
                )
            if together.coefficient > LARGEST_DIVISOR or together.scaled > _LARGEST_SCALED:
                raise InvalidSchema(
                    reason="divisors (multipleOf) meet in an allOf or beside a $ref, "
                    f"and their least common multiple exceeds {LARGEST_DIVISOR:,}, without decimal places, or "
                    f"{_LARGEST_SCALED:,}, in units of their last decimal place"
                )
        return in_all

    def _below(self, top: Node) -> Iterator[Node]:
        """Yield the objects in a node, and in what their references point at."""
        waiting: list[object] = [top]
        seen: set[str] = set()
        while waiting:
            for part in objects_in(waiting.pop(), definitions=False):
                self._looks -= 1
                if self._looks < 0:
                    raise InvalidSchema(reason="too many of its parts meet in an allOf or beside a $ref")
                yield part
                reference = part.get("$ref")
                if isinstance(reference, str) and reference not in seen:
                    seen.add(reference)
                    waiting.append(self._pointed_at(reference))

    def _pointed_at(self, reference: str) -> object:
        """What a reference points at; everything for an anchor or an address, which the library resolves."""
        if not _POINTER.match(reference):
            return self._everything
        found: object = self._root
        for step in reference[1:].split("/")[1:]:
            name = step.replace("~1", "/").replace("~0", "~")
            if isinstance(found, dict) and name in found:
                found = found[name]
            elif isinstance(found, list) and name.isdecimal() and int(name) < len(found):
                found = found[int(name)]
            else:
                return self._everything
        return found


def objects_in(value: object, *, definitions: bool = True) -> Iterator[Node]:
    """Yield a value and all values in it that are objects, with or without definitions."""
    waiting = [value]
    while waiting:
        here = waiting.pop()
        if isinstance(here, list):
            waiting.extend(here)
        elif isinstance(here, dict):
            yield here
            waiting.extend(inner for name, inner in here.items() if definitions or name not in _DEFINITIONS)


def _is_meeting(node: Node) -> bool:
    """Whether several parts of a schema may describe the same value."""
    if "allOf" in node or "patternProperties" in node:
        return True
    return any(name in node and _CONSTRAINTS & (node.keys() - {name}) for name in ("$ref", "anyOf", "oneOf"))


def _combines_patterns(node: Node) -> bool:
    return "allOf" in node or ("$ref" in node and not _CONSTRAINTS.isdisjoint(node))


def _divisor(node: Node) -> _Divisor | None:
    """A schema's `multipleOf`; None without one. Raises InvalidSchema."""
    said = node.get("multipleOf")
    if not isinstance(said, int | float) or isinstance(said, bool):
        return None
    value, decimals = abs(float(said)), 0
    while value % 1:  # in binary, as the library does, to the same digits
        value, decimals = value * 10, decimals + 1
    if decimals and value > _MOST_DIGITS:
        return None  # the library refuses it, with a message
    whole = int(value)
    while decimals and whole and whole % 10 == 0:
        whole, decimals = whole // 10, decimals - 1
    if not whole:
        raise InvalidSchema(reason="multipleOf is 0; it must be above 0")
    if whole > LARGEST_DIVISOR:
        raise InvalidSchema(
            reason=f"multipleOf is {said:g}; without its decimal places, at most {LARGEST_DIVISOR:,} is allowed"
        )
    return _Divisor(whole, decimals, whole)


def _states(divisor: _Divisor | None) -> int:
    """The states that a divisor alone gives a grammar."""
    return 0 if divisor is None or divisor.coefficient == 1 else divisor.coefficient


def _patterns(node: Node) -> int:
    named = node.get("patternProperties")
    return ("pattern" in node) + ("format" in node) + len(named if isinstance(named, dict) else ())
