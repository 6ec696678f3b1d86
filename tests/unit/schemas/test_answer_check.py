"""Answers in JSON: what their schema's grammar takes, and what is checked when they are whole."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from llguidance import LLMatcher, LLTokenizer

from qwenq.schemas.errors import InvalidSchema
from qwenq.schemas.json_schema.answer_check import answer_check
from qwenq.schemas.json_schema.grammar import answer_grammar
from qwenq.schemas.json_schema.relaxing import without_lookaround

TOKENIZER = Path(__file__).parents[3] / "examples" / "tiny-qwen3" / "tokenizer.json"
DATE, MOMENT = {"type": "string", "format": "date"}, {"type": "string", "format": "date-time"}
INT64 = {"type": "integer", "minimum": -(2**63), "maximum": 2**63 - 1}
PAST_FLOATS = {"type": "integer", "maximum": 2**60 + 1}
OPEN = {"type": "object", "properties": {"a": {"type": "integer"}}}
SET = {"type": "array", "items": {"type": "integer"}, "uniqueItems": True}
DECIMAL = {
    "anyOf": [{"type": "number"}, {"type": "string", "pattern": r"^(?!^[-+.]*$)[+-]?0*\d*\.?\d*$"}],
    "title": "Price",
}
PASSWORD = {"type": "string", "format": "password", "writeOnly": True}
NOT = {"type": "string", "not": {"enum": ["no"]}}
NEVER = {"type": "object", "properties": {"a": {"not": {}}}}
OVERLAP = {"oneOf": [{"type": "number"}, {"type": "integer"}]}
ADDRESS = {"type": "string", "oneOf": [{"format": "ipv4"}, {"format": "ipv6"}]}
IF = {"type": "object", "if": {"required": ["a"]}, "then": {"required": ["b"]}, "else": {"maxProperties": 1}}
CONTAINS = {"type": "array", "contains": {"type": "string"}, "maxContains": 1}
NAMES = {
    "type": "object",
    "propertyNames": {"$ref": "#/$defs/Color"},
    "additionalProperties": {"type": "integer"},
    "$defs": {"Color": {"enum": ["red", "blue"]}},
}
NAMES_LIKE = {
    "type": "object",
    "propertyNames": {"pattern": "^x"},
    "additionalProperties": {"type": "integer"},
}
DEPENDENT = {
    "type": "object",
    "dependentRequired": {"a": ["b"]},
    "dependentSchemas": {"c": {"required": ["d"]}},
}
DEPENDENCIES = {
    "$schema": "http://json-schema.org/draft-07/schema#",
    "type": "object",
    "dependencies": {"a": ["b"], "c": {"required": ["d"]}},
}
COUNTED = {"type": "object", "properties": {"a": {}, "b": {}}, "minProperties": 1, "maxProperties": 2}
COUNTED_MAP = {"type": "object", "minProperties": 2, "additionalProperties": {"type": "integer"}}
TWICE = {"type": "string", "pattern": r"^(a|b)\1$"}
NAMES_LOOK = {
    "type": "object",
    "patternProperties": {"^(?!x)": {"type": "integer"}},
    "additionalProperties": False,
}
CLOSED = {"type": "object", "allOf": [{"properties": {"a": {}}}], "unevaluatedProperties": False}
OVERLAPPING_NAMES = {
    "type": "object",
    "patternProperties": {"a": {"type": "integer"}, "b": {"minimum": 3}},
    "additionalProperties": False,
}
CIRCULAR = {
    "$ref": "#/$defs/node",
    "$defs": {
        "node": {
            "type": "object",
            "properties": {"next": {"$ref": "#/$defs/node", "maxProperties": 1}, "last": {"type": "null"}},
            "additionalProperties": False,
        }
    },
}
OWN_DIALECT = {"$schema": "https://example.org/dialect", **NOT}
LISTED = {"type": "array", "items": [{"type": "integer"}], "not": {"maxItems": 1}}
LOOKS_BEHIND = {"type": "string", "pattern": r"^\w+(?<!x)$"}

TAKEN: list[tuple[Any, str]] = [
    (DATE, '"2024-02-29"'),
    (DATE, '"2000-02-29"'),
    (DATE, '"2023-12-31"'),
    (MOMENT, '"2024-02-29T23:59:60Z"'),
    (MOMENT, '"2023-01-31t00:00:00.25+01:00"'),
    ({"type": "string", "format": "time"}, '"23:59:59Z"'),
    (INT64, str(2**63 - 1)),
    (INT64, str(-(2**63))),
    (PAST_FLOATS, str(2**60 + 1)),
    (OPEN, '{"a": 1, "b": "x"}'),
    ({"type": "number"}, "1e300"),
    (PASSWORD, '"secret"'),
    *(({"type": "string", "format": name}, '"any text"') for name in ("binary", "path", "base64", "color")),
    *(({"type": "string", "format": name}, '"ä b"') for name in ("sql", "phone", "unknown")),
    ({"type": "string", "format": "uri-reference"}, '"a/b?c"'),
    ({"type": "string", "format": "regex"}, '"^a+$"'),
    ({"type": "string", "format": "idn-email"}, '"ä@example.org"'),
    (DECIMAL, '"-1.50"'),
    (DECIMAL, "1.5"),
    (LOOKS_BEHIND, '"abc"'),
    (SET, "[1, 2]"),
    (NOT, '"yes"'),
    (NEVER, '{"b": 1}'),
    (OVERLAP, "1.5"),
    (ADDRESS, '"1.2.3.4"'),
    (ADDRESS, '"::1"'),
    (IF, '{"a": 1, "b": 1}'),
    (IF, '{"c": 1}'),
    (CONTAINS, '[1, "a", 2]'),
    (NAMES, '{"red": 1}'),
    (NAMES_LIKE, '{"x1": 1}'),
    (DEPENDENT, '{"a": 1, "b": 1}'),
    (DEPENDENT, '{"b": 1}'),
    (DEPENDENCIES, '{"c": 1, "d": 1}'),
    (COUNTED, '{"b": 1}'),
    (COUNTED, '{"a": 1, "c": 1}'),
    (COUNTED_MAP, '{"a": 1, "b": 1}'),
    (TWICE, '"aa"'),
    (NAMES_LOOK, '{"a": 1}'),
    (CLOSED, '{"a": 1}'),
    (OVERLAPPING_NAMES, '{"ab": 3, "b": "text"}'),
    (CIRCULAR, '{"next": {"last": null}, "last": null}'),
    (OWN_DIALECT, '"yes"'),
    (LISTED, '[1, "a"]'),
    ({"properties": {"format": {"const": "password"}}}, '{"format": "password"}'),
    ({"const": {"format": "password"}}, '{"format": "password"}'),
]
REFUSED: list[tuple[Any, str]] = [
    (DATE, '"2023-02-29"'),
    (DATE, '"1900-02-29"'),
    (DATE, '"2023-04-31"'),
    (DATE, '"0000-01-01"'),
    (MOMENT, '"2023-02-29T00:00:00Z"'),
    (MOMENT, '"2024-02-29T24:00:00Z"'),
    ({"type": "string", "format": "time"}, '"24:00:00Z"'),
    ({"format": "date", "pattern": "^2023", "type": "string"}, '"2024-01-01"'),
    ({"format": "date", "pattern": "^2023", "type": "string"}, '"2023-02-29"'),
    (INT64, str(2**63)),
    (INT64, str(-(2**63) - 1)),
    (PAST_FLOATS, str(2**60 + 2)),
    (OPEN, '{"b": 0, "\\u0061": "x"}'),
    (OPEN, '{"b": 0, "b": 1}'),
    (OPEN, '{"a": 0, "\\u0061": 1}'),
    ({"type": "number"}, "1e999"),
    ({"type": "object"}, '{"x": -1e999}'),
    (DECIMAL, '"+"'),
    (LOOKS_BEHIND, '"abx"'),
    ({"type": "string", "format": "regex"}, '"("'),
    ({"type": "string", "format": "iri"}, '"no iri"'),
    ({"$schema": "http://json-schema.org/draft-04/schema#", "type": "string", "format": "iri"}, '"no iri"'),
    (SET, "[1, 2, 1]"),
    (SET, "[1, 1]"),
    (NOT, '"no"'),
    (NEVER, '{"a": 1}'),
    (OVERLAP, "1"),
    (ADDRESS, '"1.2.3"'),
    (IF, '{"a": 1}'),
    (IF, '{"c": 1, "d": 1}'),
    (CONTAINS, "[1]"),
    (CONTAINS, '["a", "b"]'),
    (NAMES, '{"green": 1}'),
    (NAMES_LIKE, '{"y": 1}'),
    (DEPENDENT, '{"a": 1}'),
    (DEPENDENT, '{"c": 1}'),
    (DEPENDENCIES, '{"a": 1}'),
    (DEPENDENCIES, '{"c": 1}'),
    (COUNTED, "{}"),
    (COUNTED, '{"a": 1, "b": 1, "c": 1}'),
    (COUNTED_MAP, '{"a": 1}'),
    (COUNTED_MAP, '{"a": 1, "a": 1}'),
    (TWICE, '"ab"'),
    (NAMES_LOOK, '{"a": "text"}'),
    (NAMES_LOOK, '{"x": 1}'),
    (CLOSED, '{"a": 1, "b": 1}'),
    (OVERLAPPING_NAMES, '{"ab": 2}'),
    (OVERLAPPING_NAMES, '{"c": 3}'),
    (CIRCULAR, '{"next": {"next": {}, "last": null}}'),
    (OWN_DIALECT, '"no"'),
    (LISTED, "[1]"),
    ({"type": "string", "format": "time"}, '"12:00:60Z"'),
    ({"type": "array", "items": OPEN, "uniqueItems": True}, '[{"a": 1}, {"a": 1}]'),
]


@cache
def tokenizer() -> LLTokenizer:
    return LLTokenizer(TOKENIZER.read_text("utf-8"))


def can_be_generated(schema: Any, answer: str) -> bool:
    matcher = LLMatcher(tokenizer(), answer_grammar(json.dumps(schema)))
    ids = tokenizer().tokenize_str(answer)
    return matcher.try_consume_tokens(ids) == len(ids) and matcher.is_accepting()


def takes(schema: Any, answer: str) -> bool:
    return can_be_generated(schema, answer) and answer_check(json.dumps(schema)).fault_of(answer) is None


@pytest.mark.parametrize(("schema", "answer"), TAKEN, ids=str)
def test_a_valid_answer_is_taken(schema: Any, answer: str) -> None:
    assert takes(schema, answer)


@pytest.mark.parametrize(("schema", "answer"), REFUSED, ids=str)
def test_an_invalid_answer_is_not_taken(schema: Any, answer: str) -> None:
    assert not takes(schema, answer)


@pytest.mark.parametrize(
    ("schema", "answer"),
    [(NEVER, '{"a": 1}'), (CONTAINS, "[]"), (NAMES, '{"green": 1}'), (NAMES_LIKE, '{"y": 1}')],
    ids=str,
)
def test_what_a_grammar_can_hold_is_never_generated(schema: Any, answer: str) -> None:
    assert not can_be_generated(schema, answer)


@pytest.mark.parametrize(
    ("schema", "answer", "said"),
    [
        ({"properties": {"a": SET}}, '{"a": [1, 1]}', "uniqueItems, at /a: [1,1] has non-unique elements"),
        (INT64, str(2**63), "maximum, at the whole answer: 9223372036854775808 is greater than the maximum"),
        (OPEN, '{"b": 0, "b": 1}', "an object has the name 'b' twice"),
        ({}, "1e999", "the number 1e999 is larger than any"),
    ],
)
def test_a_fault_names_place_and_keyword(schema: Any, answer: str, said: str) -> None:
    assert str(answer_check(json.dumps(schema)).fault_of(answer)).startswith(said)


def test_a_schema_that_needs_a_check_and_cannot_be_checked_is_refused() -> None:
    with pytest.raises(InvalidSchema, match="checked"):
        answer_grammar(json.dumps({**SET, "items": {"$ref": "https://example.org/schema"}}))


@pytest.mark.parametrize(
    ("pattern", "left"),
    [
        ("^(?!a(b)c)d$", "^d$"),
        (r"^(?=[)])\(?=x$", r"^\(?=x$"),
        ("(?<!x)*a(?:(?!y).)*", "a(?:.)*"),
        (r"[(?=]\\(?<=q)z", r"[(?=]\\z"),
    ],
)
def test_lookarounds_are_left_out_of_a_pattern(pattern: str, left: str) -> None:
    assert without_lookaround(pattern) == left
