"""Schemas are judged where a crash of the grammar library does no harm, and once each."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from qwenq.schemas.errors import InvalidSchema
from qwenq.schemas.json_schema import fault_process
from qwenq.schemas.json_schema.fault_process import LIMITS, FaultProcess
from qwenq.schemas.json_schema.faults import fault_of
from qwenq.schemas.json_schema.grammar import answer_grammar

CRASHES: dict[str, Any] = {"type": "integer", "const": -1e308}
"""What the grammar library recurses into without end, if it gets it unchecked."""
TREE: dict[str, Any] = {"type": "object", "properties": {"child": {"$ref": "#/$defs/tree"}}}
SOUND: dict[str, Any] = {"type": "string", "pattern": "^[a-c]{3}$"}


@pytest.fixture
def process() -> Iterator[FaultProcess]:
    process = FaultProcess()
    yield process
    process.close()


def test_a_schema_that_crashes_the_library_is_refused_and_the_next_is_judged(process: FaultProcess) -> None:
    found = process.fault_of(CRASHES)
    assert found is not None
    assert found[0].startswith("making its grammar crashed (SIGSEGV)")
    assert process.fault_of(SOUND) is None
    assert process.fault_of({"items": {"pattern": "["}}) == (
        "a pattern cannot be used: unclosed character class",
        "#/items",
    )


def test_a_failure_inside_the_library_is_a_fault_of_the_schema() -> None:
    values = {"enum": [1e12, -1e12]}
    assert (
        fault_of({"anyOf": [values, values | {"type": "integer"}]}) == "the library of grammars fails with it"
    )


def test_a_crash_while_the_place_is_looked_for_keeps_the_reason(process: FaultProcess) -> None:
    schema = {"$defs": {"tree": TREE}, "allOf": [{"$ref": "#/$defs/tree"}, CRASHES | {"multipleOf": 10}]}
    assert process.fault_of({"allOf": [{"type": "string"}, *schema["allOf"]], "$defs": schema["$defs"]}) == (
        "no value satisfies it: incompatible types",
        "#",
    )


def test_a_schema_is_judged_once_and_a_plain_one_not_in_another_process(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[dict[str, Any]] = []
    judge = FaultProcess.fault_of

    def noting(process: FaultProcess, schema: dict[str, Any]) -> tuple[str, str] | None:
        asked.append(schema)
        return judge(process, schema)

    monkeypatch.setattr(FaultProcess, "fault_of", noting)
    for _ in range(100):
        assert answer_grammar(json.dumps(SOUND))
        assert answer_grammar('{"type": "object", "properties": {"once": {"type": "number"}}}')
        with pytest.raises(InvalidSchema, match="a pattern cannot be used"):
            answer_grammar('{"items": {"pattern": "([once"}}')
    assert len(asked) == 2


def test_without_another_process_schemas_are_judged_here_and_the_log_says_so(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(fault_process, "CHILD", "qwenq.schemas.no_such_module")
    process = FaultProcess()
    assert process.fault_of(SOUND) is None
    assert process.fault_of({"pattern": "["}) == ("a pattern cannot be used: unclosed character class", "#")
    assert "a schema is checked without a process of its own" in caplog.text


def test_a_schema_that_needs_too_much_memory_is_refused() -> None:
    process = FaultProcess(replace(LIMITS, memory_bytes=1024))
    found = process.fault_of(SOUND)
    assert found is not None
    assert "memory" in found[0]
