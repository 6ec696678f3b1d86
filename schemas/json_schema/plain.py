"""Tells schemas that plainly cost little, as most have: these are compiled without a trial in another process."""

import re
from functools import lru_cache
from typing import Any

import orjson

from qwenq.schemas.json_schema.subschemas import every_subschema

_MOST_CHARACTERS = 8_192
_LARGEST_NUMBER = 10**12
_LARGEST_COUNT = 500
_ANNOTATIONS = frozenset({"$schema", "title", "description", "default", "examples", "$defs"})
_KEYWORDS = frozenset({"type", "properties", "required", "additionalProperties", "items", "format"})
_NUMBERS = frozenset({"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"})
_COUNTS = frozenset({"minLength", "maxLength", "minItems", "maxItems"})
_VALUES = frozenset({"enum", "const"})
_ALONE = ("anyOf", "$ref")
"""Beside other constraints, the library would combine these: once with each choice, or without end."""
_DEFINITION = re.compile(r"#/\$defs/[\w.-]+")


@lru_cache(maxsize=256)
def is_plain(text: str) -> bool:
    """Whether a checked schema is small, and has only keywords that cost little to compile."""
    return len(text) <= _MOST_CHARACTERS and all(map(_is_plain, every_subschema(orjson.loads(text))))


def _is_plain(node: Any) -> bool:
    if isinstance(node, bool):
        return True
    if not isinstance(node, dict):
        return False
    constraints = node.keys() - _ANNOTATIONS
    for name in _ALONE:
        if name in constraints:
            return len(constraints) == 1 and (name != "$ref" or _is_definition(node[name]))
    if "format" in constraints and _COUNTS & constraints:  # the library would intersect these
        return False
    return (
        constraints <= _KEYWORDS | _NUMBERS | _COUNTS | _VALUES
        and all(_is_small(node[name], _LARGEST_NUMBER) for name in _NUMBERS & constraints)
        and all(_is_small(node[name], _LARGEST_COUNT) for name in _COUNTS & constraints)
        and all(map(_is_short, _values(node)))
    )


def _is_definition(reference: object) -> bool:
    return isinstance(reference, str) and _DEFINITION.fullmatch(reference) is not None


def _values(node: dict[str, Any]) -> list[Any]:
    values = node.get("enum", [])
    return [*(values if isinstance(values, list) else [values]), node.get("const")]


def _is_short(value: object) -> bool:
    """Whether it is a value of an enum or const that costs little. The library fails with some decimals there."""
    return (
        value is None or isinstance(value, str) or (isinstance(value, int) and abs(value) <= _LARGEST_NUMBER)
    )


def _is_small(number: object, most: int) -> bool:
    """Whether it is a whole number or a short decimal of ordinary size, or a boolean."""
    return isinstance(number, int | float) and abs(number) <= most and number == round(number, 6)
