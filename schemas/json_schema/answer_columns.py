"""Columns of structured answers: the top-level properties of a job's JSON schema."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import orjson

from qwenq.schemas.json_schema.subschemas import Node, referred

PREFIX = "answer."
_PAST_INTEGERS = 2**63
_BRANCHES = ("allOf", "anyOf", "oneOf")
_TYPE_OF_VALUE = {str: "string", bool: "boolean", int: "integer", float: "number", type(None): "null"}


class ColumnKind(StrEnum):
    """What a column holds; any value may be missing. JSON is the value as JSON text."""

    STRING = "string"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    JSON = "json"


_KIND_OF_TYPES = {
    frozenset({"string"}): ColumnKind.STRING,
    frozenset({"integer"}): ColumnKind.INTEGER,
    frozenset({"number"}): ColumnKind.NUMBER,
    frozenset({"integer", "number"}): ColumnKind.NUMBER,
    frozenset({"boolean"}): ColumnKind.BOOLEAN,
}


@dataclass(frozen=True, slots=True)
class AnswerColumn:
    """A column that shows the property `key` of the answers."""

    name: str
    key: str
    kind: ColumnKind


def answer_columns(schema_text: str | None, taken: Collection[str]) -> tuple[AnswerColumn, ...]:
    """A column for each top-level property of a JSON schema, in its order; () if it describes no object.

    A name in `taken`, compared without case, gets the prefix `answer.`. Nested objects and arrays, and properties of
    several types, become JSON text.
    """
    schema = orjson.loads(schema_text) if schema_text else None
    types: dict[str, set[str]] = {}
    for key, property_ in _properties(schema):
        types.setdefault(key, set()).update(_types(schema, property_))
    names = names_beside(taken, types, PREFIX)
    return tuple(
        AnswerColumn(names[key], key, _KIND_OF_TYPES.get(frozenset(possible - {"null"}), ColumnKind.JSON))
        for key, possible in types.items()
    )


def column_values(columns: Sequence[AnswerColumn], answer: str) -> tuple[Any, ...]:
    """The values of the columns in one answer; None if missing or of another type."""
    try:
        value = orjson.loads(answer)
    except orjson.JSONDecodeError:
        value = None
    found = value if isinstance(value, dict) else {}
    return tuple(_as_kind(found.get(column.key), column.kind) for column in columns)


def names_beside(taken: Collection[str], keys: Collection[str], prefix: str) -> Mapping[str, str]:
    """A name for each key beside names that are taken, compared without case: its own, else with the prefix."""
    used = {name.casefold() for name in taken}
    names: dict[str, str] = {}
    for key in keys:
        if key and key.casefold() not in used:
            names[key] = key
            used.add(key.casefold())
    for key in keys:
        if key not in names:
            name = prefix + key
            while name.casefold() in used:
                name = prefix + name
            names[key] = name
            used.add(name.casefold())
    return names


def _properties(root: Node) -> Iterator[tuple[str, Node]]:
    """The properties that an answer may have, with those of branches and references."""
    for part in _same_value(root, root):
        properties = part.get("properties")
        if isinstance(properties, dict):
            yield from properties.items()


def _types(root: Node, node: Node) -> set[str]:
    """The types that a value may have; empty if the schema does not say."""
    return {found for part in _same_value(root, node) for found in _said_types(part)}


def _said_types(node: dict[str, Node]) -> Iterable[str]:
    values = [node["const"]] if "const" in node else node.get("enum")
    if isinstance(values, list):
        return {_TYPE_OF_VALUE.get(type(value), "object") for value in values}
    said = node.get("type", ())
    return (said,) if isinstance(said, str) else said


def _same_value(root: Node, node: Node) -> Iterator[dict[str, Node]]:
    """A schema, with all references and branches that describe the same value."""
    waiting, seen = [node], set()
    while waiting:
        part = waiting.pop(0)
        if not isinstance(part, dict):
            continue
        yield part
        link = referred(root, part)
        if link is not None and link[0] not in seen:
            seen.add(link[0])
            waiting.append(link[1])
        for name in _BRANCHES:
            branches = part.get(name)
            waiting.extend(branches if isinstance(branches, list) else ())


def _as_kind(value: Any, kind: ColumnKind) -> Any:
    """A value as its column stores it; None if it does not fit."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    match kind:
        case ColumnKind.JSON:
            return None if value is None else orjson.dumps(value).decode()
        case ColumnKind.STRING:
            return value if isinstance(value, str) else None
        case ColumnKind.BOOLEAN:
            return value if isinstance(value, bool) else None
        case ColumnKind.NUMBER:
            return float(value) if is_number else None
        case ColumnKind.INTEGER:
            whole = is_number and value == int(value) and -_PAST_INTEGERS <= value < _PAST_INTEGERS
            return int(value) if whole else None
