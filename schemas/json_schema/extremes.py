"""Refuses numbers that crash the grammar library."""

from collections.abc import Iterator
from typing import Any

from qwenq.schemas.errors import InvalidSchema

LOWEST = -9_200_000_000_000_000_000
"""Just above the lowest integer of 64 bits, whose negation overflows."""
_UPPER_BOUNDS = ("maximum", "exclusiveMaximum", "const", "enum")

Node = dict[str, Any]


def check_extremes(objects: Iterator[Node]) -> None:
    """Raise InvalidSchema if one of a schema's objects bounds a value from above by a number below LOWEST.

    The library would divide the range of integers below it without end, which crashes the process.
    """
    for node in objects:
        for name in _UPPER_BOUNDS:
            if name in node and _lowest(node[name]) < LOWEST:
                raise InvalidSchema(reason=f"a number in {name} is too low; {LOWEST:.1e} is the lowest")


def _lowest(value: object) -> float:
    """The lowest number in a value; 0 without one."""
    lowest, waiting = 0.0, [value]
    while waiting:
        here = waiting.pop()
        if isinstance(here, dict):
            waiting.extend(here.values())
        elif isinstance(here, list):
            waiting.extend(here)
        elif isinstance(here, int | float):
            lowest = min(lowest, here)
    return lowest
