"""Which JSON schemas can be used, and how others are refused."""

import contextlib
import json
import time
from collections.abc import Callable
from functools import reduce
from typing import Any

import pytest

from qwenq.schemas.errors import InvalidSchema
from qwenq.schemas.json_schema.checking import SCHEMA_BYTES, SCHEMA_DEPTH, check_schema_text
from qwenq.schemas.json_schema.grammar import answer_grammar

TREE = {
    "type": "object",
    "properties": {"child": {"anyOf": [{"$ref": "#"}, {"type": "null"}]}},
    "required": ["child"],
}
ITSELF = {"type": "object", "properties": {"child": {"$ref": "#"}}, "required": ["child"]}
DEEP: dict[str, Any] = reduce(lambda inner, _: {"items": inner}, range(SCHEMA_DEPTH + 1), {"type": "integer"})
AS_DEEP: dict[str, Any] = reduce(lambda inner, _: {"items": inner}, range(SCHEMA_DEPTH), {})
"""Visiting a subschema twice at each depth would take for ever."""


def doubled(reference: Callable[[int], str]) -> dict[str, Any]:
    """Make definitions of which each refers twice to the next."""
    return {
        f"d{n}": {"$anchor": f"a{n}", "$id": f"b{n}", "allOf": [{"$ref": reference(n + 1)}] * 2}
        for n in range(40)
    } | {"d40": {"$anchor": "a40", "$id": "b40", "type": "integer"}}


USABLE: dict[str, Any] = {
    "nothing asked": {},
    "true": True,
    "an object": {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]},
    "a tree": TREE,
    "an element that is not needed": {"type": "array", "items": {"$ref": "#"}},
    "as deep as may be": AS_DEEP,
    "definitions of an older draft": {"definitions": {"a": {"type": "integer"}}, "$ref": "#/definitions/a"},
    "elements that need not differ": {"items": {"type": "array", "uniqueItems": False}},
    "a property named like a keyword": {"properties": {"uniqueItems": {"type": "boolean"}}},
    "one property is needed": {"type": "object", "minProperties": 1},
    "a reference by an anchor": {"$ref": "#a", "$defs": {"b": {"$anchor": "a", "type": "string"}}},
    "choices that never overlap": {"oneOf": [{"type": "string"}, {"type": "integer"}]},
    "the widest range of integers": {"type": "integer", "minimum": -9e18, "maximum": 9e18},
    "choices that may overlap": {"oneOf": [{"type": "number"}, {"type": "integer"}]},
    "properties that are counted": {"items": {"type": "object", "required": ["a"], "minProperties": 2}},
    "what no grammar holds, behind a reference": {
        "properties": {"a": {"$ref": "#/$defs/b"}},
        "$defs": {"b": {"if": {"type": "string"}, "then": {"minLength": 2}}},
    },
    "an upper bound below integers of 64 bits": {
        "$defs": {"a": {"maximum": -1e19}},
        "allOf": [{"$ref": "#/$defs/a"}, {"type": "integer"}],
    },
    "a schema of all schemas": {
        "$dynamicAnchor": "all",
        "properties": {name: {"$dynamicRef": "#all"} for name in ("not", "if", "contains")},
    },
    "many references to itself": {"anyOf": [{"items": {"$ref": "#"}} for _ in range(40)]},
    "annotations": {"type": "integer", "title": "t", "description": "d", "default": 1, "examples": [1]},
}
UNUSABLE: dict[str, tuple[Any, str]] = {
    "false": (False, "no value satisfies it"),
    "no choices": ({"enum": []}, "no value satisfies it"),
    "longer than its longest": (
        {"type": "string", "minLength": 5, "maxLength": 2},
        "minLength (5) is greater",
    ),
    "two types at once": ({"allOf": [{"type": "string"}, {"type": "integer"}]}, "incompatible types"),
    "no integer between": ({"type": "integer", "minimum": 0.2, "maximum": 0.8}, "contains no integer"),
    "itself without end": (ITSELF, "contains itself without end"),
    "nothing but itself": ({"$ref": "#"}, "contains itself without end"),
    "each other without end": (
        {
            "$ref": "#/$defs/a",
            "$defs": {
                "a": {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/b"}},
                "b": {"anyOf": [{"$ref": "#/$defs/a"}]},
            },
        },
        "contains itself without end",
    ),
    "an unknown type": (
        {"properties": {"a": {"type": "strin"}}},
        "Invalid type: strin, at #/properties/a",
    ),
    "a keyword of the wrong kind": ({"items": {"minLength": "3"}}, "'minLength', got \"3\", at #/items"),
    "not anything": ({"not": {}}, "no value satisfies it"),
    "choices that multiply": (
        {"not": {"$ref": "#/$defs/d0"}, "$defs": doubled(lambda n: f"#/$defs/d{n}")},
        "checked more than 1,000,000 times",
    ),
    "choices that multiply behind anchors": (
        {"if": {"$ref": "#a0"}, "$defs": doubled(lambda n: f"#a{n}")},
        "checked more than 1,000,000 times",
    ),
    "choices that multiply behind addresses": (
        {"contains": {"$ref": "b0"}, "$defs": doubled(lambda n: f"b{n}")},
        "checked more than 1,000,000 times",
    ),
    "a broken pattern": (
        {"type": "string", "pattern": "(["},
        "a pattern cannot be used: unclosed character class",
    ),
    "a reference to nowhere": ({"$ref": "#/$defs/a"}, "does not exist"),
    "a reference to elsewhere": ({"$ref": "https://example.org/schema.json"}, "does not fetch"),
    "too large": ({"enum": ["x" * SCHEMA_BYTES]}, "bytes; at most"),
    "too deep": (DEEP, "nested more than"),
    "patterns that would take hours to intersect": (
        {"allOf": [{"type": "string", "pattern": f"[a-z]{{{n}}}.*{n}"} for n in range(40)]},
        "patterns meet",
    ),
    "a divisor with many remainders": (
        {"type": "integer", "multipleOf": 9_999_991},
        "multipleOf is 9.99999e+06; without its decimal places, at most 10,000 is allowed",
    ),
    "such a divisor in decimals": ({"type": "number", "multipleOf": 123.5625}, "at most 10,000 is allowed"),
    "such a divisor where a reference finds it": (
        {"$ref": "#/default", "default": {"multipleOf": 99_991}},
        "at most 10,000 is allowed",
    ),
    "a divisor of zero": ({"type": "integer", "multipleOf": 0}, "multipleOf is 0"),
    "divisors that multiply": (
        {"allOf": [{"multipleOf": 101}, {"anyOf": [{"multipleOf": 103}]}]},
        "least common multiple exceeds 10,000",
    ),
    "divisors that multiply behind references": (
        {
            "$defs": {"a": {"$ref": "#/$defs/b", "multipleOf": 9_973}, "b": {"multipleOf": 9_967}},
            "properties": {"x": {"$ref": "#/$defs/a"}},
        },
        "least common multiple exceeds 10,000",
    ),
    "divisors of one property in two schemas": (
        {"allOf": [{"properties": {"x": {"multipleOf": n}}} for n in (9_973, 9_967)]},
        "least common multiple exceeds 10,000",
    ),
    "divisors behind an anchor": (
        {
            "allOf": [{"$ref": "#a"}, {"multipleOf": 9_967}],
            "$defs": {"a": {"$anchor": "a", "multipleOf": 9_973}},
        },
        "least common multiple exceeds 10,000",
    ),
    "divisors of names that match a pattern": (
        {"properties": {"x": {"multipleOf": 9_973}}, "patternProperties": {"x": {"multipleOf": 9_967}}},
        "least common multiple exceeds 10,000",
    ),
    "many large divisors": (
        {"properties": {f"p{n}": {"type": "integer", "multipleOf": 9_973} for n in range(6)}},
        "add up to 59,838; at most 50,000",
    ),
    "many copies of a divisor": (
        {
            "$defs": {"d": {"type": "integer", "multipleOf": 9_973}},
            "anyOf": [{"allOf": [{"$ref": "#/$defs/d"}, {"minimum": n}]} for n in range(600)],
        },
        "at most 50,000",
    ),
    "divisors whose multiple wraps around at 32 bits": (
        {"type": "integer", "allOf": [{"multipleOf": 2**16}, {"multipleOf": 2**16 + 1}]},
        "at most 10,000 is allowed",
    ),
    "small divisors whose multiple wraps around at 32 bits": (
        {"type": "number", "allOf": [{"multipleOf": 1e-9}, {"multipleOf": 10_000}]},
        "65,535, in units of their last decimal place",
    ),
    "an integer whose negation overflows": ({"type": "integer", "const": -1e308}, "in const is too low"),
    "such a number in a value": (
        {"type": "array", "items": {"type": "integer"}, "enum": [[1, -1e19]]},
        "in enum is too low",
    ),
    "an option that would loosen it": (
        {"allOf": [{"minProperties": 2}, {"properties": {"a": {}}}], "x-guidance": {"lenient": True}},
        "put minProperties and maxProperties beside these properties",
    ),
    "many references to much": (
        {
            "$defs": {"b": {"properties": {f"p{place}": {"type": "null"} for place in range(600)}}},
            "properties": {f"q{place}": {"$ref": "#/$defs/b", "items": {}} for place in range(600)},
        },
        "schema too large",
    ),
    "an array": ([], "a schema is a JSON object"),
    "null": (None, "a schema is a JSON object"),
}


@pytest.mark.parametrize("schema", USABLE.values(), ids=USABLE)
def test_a_supported_schema_gives_a_grammar(schema: object) -> None:
    assert answer_grammar(json.dumps(schema))
    assert answer_grammar(json.dumps(schema), after_reasoning=True)


@pytest.mark.parametrize(("schema", "reason"), UNUSABLE.values(), ids=UNUSABLE)
def test_an_unsupported_schema_is_refused_with_reason_and_place(schema: object, reason: str) -> None:
    with pytest.raises(InvalidSchema) as caught:
        answer_grammar(json.dumps(schema))
    assert reason in caught.value.reason


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "integer", "multipleOf": 10_000},
        {"properties": {f"price{n}": {"type": "number", "multipleOf": 0.01} for n in range(500)}},
        {"anyOf": [{"multipleOf": 9_973}, {"multipleOf": 9_967}]},
        {"allOf": [{"multipleOf": 0.01}, {"multipleOf": 12}], "type": "number"},
    ],
)
def test_an_ordinary_divisor_is_allowed(schema: object) -> None:
    assert answer_grammar(json.dumps(schema))


@pytest.mark.parametrize(
    "schema",
    [
        {"allOf": [{"$ref": f"#/$defs/d{n}"} for n in range(900)]}
        | {"$defs": {f"d{n}": {"allOf": [{"$ref": f"#/$defs/d{n * 7 % 900}"}, {"pattern": "x"}]} for n in range(900)}},
        {"properties": {f"p{n}": {"allOf": [{"$ref": "#"}]} for n in range(3_000)}}
        | {"anyOf": [{"format": "date"}] * 9},
        {"$defs": {f"d{n}": {"$ref": f"#/$defs/d{n * 7 % 1_000}", "items": {}} for n in range(1_000)}}
        | {"$ref": "#/$defs/d1"},
    ],
    ids=["references that meet", "references to everything", "a chain of references"],
)  # fmt: skip
def test_a_schema_is_checked_within_a_second(schema: object) -> None:
    began = time.process_time()
    with contextlib.suppress(InvalidSchema):
        check_schema_text(json.dumps(schema))
    with contextlib.suppress(InvalidSchema):
        answer_grammar(json.dumps(schema))
    assert time.process_time() - began < 1


def test_a_schema_that_is_not_json_is_refused_with_the_place() -> None:
    with pytest.raises(InvalidSchema, match="line 2 column 1"):
        answer_grammar('{"type":\n}')
