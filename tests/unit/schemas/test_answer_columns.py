"""The columns of structured answers, and their values."""

import json
from typing import Any

import pytest

from qwenq.schemas.json_schema.answer_columns import AnswerColumn, ColumnKind, answer_columns, column_values

TAKEN = ("custom_id", "text", "model")


def columns_of(properties: dict[str, Any], **more: Any) -> tuple[AnswerColumn, ...]:
    return answer_columns(json.dumps({"type": "object", "properties": properties, **more}), TAKEN)


@pytest.mark.parametrize(
    ("property_", "kind"),
    [
        ({"type": "integer"}, ColumnKind.INTEGER),
        ({"type": ["integer", "null"]}, ColumnKind.INTEGER),
        ({"anyOf": [{"type": "number"}, {"type": "null"}]}, ColumnKind.NUMBER),
        ({"type": ["integer", "number"]}, ColumnKind.NUMBER),
        ({"type": "boolean"}, ColumnKind.BOOLEAN),
        ({"type": "string", "format": "date"}, ColumnKind.STRING),
        ({"enum": ["EUR", "USD", None]}, ColumnKind.STRING),
        ({"enum": [1, 2]}, ColumnKind.INTEGER),
        ({"enum": ["EUR", 2]}, ColumnKind.JSON),
        ({"const": True}, ColumnKind.BOOLEAN),
        ({"$ref": "#/$defs/money"}, ColumnKind.NUMBER),
        ({"allOf": [{"$ref": "#/$defs/money"}], "description": "what to pay"}, ColumnKind.NUMBER),
        ({"$ref": "#/$defs/tree"}, ColumnKind.JSON),
        ({"type": "object"}, ColumnKind.JSON),
        ({"type": "array", "items": {"type": "string"}}, ColumnKind.JSON),
        ({"type": ["string", "integer"]}, ColumnKind.JSON),
        ({"type": "null"}, ColumnKind.JSON),
        ({}, ColumnKind.JSON),
        (True, ColumnKind.JSON),
    ],
)
def test_a_property_becomes_a_column_of_its_type(property_: Any, kind: ColumnKind) -> None:
    tree = {"anyOf": [{"type": "array", "items": {"$ref": "#/$defs/tree"}}, {"$ref": "#/$defs/tree"}]}
    (column,) = columns_of({"x": property_}, **{"$defs": {"money": {"type": "number"}, "tree": tree}})
    assert column == AnswerColumn("x", "x", kind)


def test_properties_of_branches_and_references_are_columns() -> None:
    schema = {
        "$ref": "#/$defs/answer",
        "$defs": {
            "answer": {
                "properties": {"a": {"type": "string"}},
                "oneOf": [
                    {"properties": {"b": {"type": "integer"}}},
                    {"properties": {"b": {"type": "string"}}},
                ],
            }
        },
    }
    found = answer_columns(json.dumps(schema), TAKEN)
    assert [(column.name, column.kind) for column in found] == [
        ("a", ColumnKind.STRING),
        ("b", ColumnKind.JSON),
    ]


@pytest.mark.parametrize(
    "schema", [None, "true", '{"enum": ["a"]}', '{"type": "array"}', '{"type": "object"}']
)
def test_a_schema_without_properties_has_no_columns(schema: str | None) -> None:
    assert answer_columns(schema, TAKEN) == ()


def test_taken_column_names_get_a_prefix_and_all_names_are_unique() -> None:
    keys = ["text", "Text", "answer.text", "Total", "total", "", "ok"]
    found = columns_of({key: {"type": "string"} for key in keys})
    assert [column.key for column in found] == keys
    names = {column.key: column.name for column in found}
    assert (names["answer.text"], names["Total"], names["ok"]) == ("answer.text", "Total", "ok")
    assert names["text"].endswith("answer.text")
    assert len({name.casefold() for name in (*names.values(), *TAKEN)}) == len(keys) + len(TAKEN)


@pytest.mark.parametrize(
    ("kind", "value", "kept"),
    [
        (ColumnKind.INTEGER, 3, 3),
        (ColumnKind.INTEGER, 3.0, 3),
        (ColumnKind.INTEGER, 3.5, None),
        (ColumnKind.INTEGER, 2**63 - 1, 2**63 - 1),
        (ColumnKind.INTEGER, 2**63, None),
        (ColumnKind.INTEGER, True, None),
        (ColumnKind.NUMBER, 3, 3.0),
        (ColumnKind.NUMBER, "3", None),
        (ColumnKind.BOOLEAN, False, False),
        (ColumnKind.BOOLEAN, 0, None),
        (ColumnKind.STRING, "", ""),
        (ColumnKind.STRING, 1, None),
        (ColumnKind.JSON, [1, {"ä": None}], '[1,{"ä":null}]'),
        (ColumnKind.JSON, "quoted", '"quoted"'),
        (ColumnKind.JSON, None, None),
    ],
)
def test_a_value_is_kept_if_its_column_can_hold_it(kind: ColumnKind, value: Any, kept: Any) -> None:
    (found,) = column_values([AnswerColumn("x", "key", kind)], json.dumps({"key": value, "other": 1}))
    assert (type(found), found) == (type(kept), kept)


@pytest.mark.parametrize("answer", ["", "no JSON", "[1]", "3", '{"other": 1}', '{"x": 1'])
def test_an_answer_without_the_property_has_no_value(answer: str) -> None:
    assert column_values(columns_of({"x": {"type": "integer"}}), answer) == (None,)
