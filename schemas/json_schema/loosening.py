"""Leaves out what the grammar library refuses in a schema, if the check of the whole answer holds it."""

from collections.abc import Callable
from typing import Any

from qwenq.schemas.json_schema.relaxing import parts_of

_BESIDE = frozenset({"$ref", "$id", "$anchor", "$schema", "$defs", "definitions"})


def loosening_of(reason: str) -> Callable[[dict[str, Any]], None] | None:
    """What makes a schema usable that the library refused for this reason; None if nothing does."""
    return next((loosen for said, loosen in _LOOSENINGS.items() if said in reason), None)


def _open_names(schema: dict[str, Any]) -> None:
    """Allow any values for names that patterns describe: a name may match several of them."""
    for part in parts_of(schema):
        if part.pop("patternProperties", None):
            part["additionalProperties"] = True


def _bare_references(schema: dict[str, Any]) -> None:
    """Leave out what stands beside references."""
    for part in parts_of(schema):
        if part is not schema and isinstance(part.get("$ref"), str):
            for name in part.keys() - _BESIDE:
                del part[name]


_LOOSENINGS = {
    "are not disjoint": _open_names,
    "circular references with sibling keys": _bare_references,
}
