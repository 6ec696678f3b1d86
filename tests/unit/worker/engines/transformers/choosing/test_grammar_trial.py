"""Grammars are tried where they can be killed, once each, and kept within a bound of memory."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from transformers import AutoTokenizer, PreTrainedTokenizerBase

from qwenq.schemas.errors import InvalidSchema
from qwenq.schemas.generation import GenerationParams
from qwenq.schemas.json_schema.plain import is_plain
from qwenq.schemas.response_format import ResponseFormat
from qwenq.worker.engines.transformers.choosing import grammar_trial, grammars
from qwenq.worker.engines.transformers.choosing.grammars import Grammars
from qwenq.worker.engines.transformers.prompts.vocabulary import Vocabulary

WIDTH = 512
COSTLY = '{"grammars": [{"json_schema": {"type": "integer", "multipleOf": 9999991}}]}'
PLAIN = {
    "type": "object",
    "properties": {"total": {"type": "number"}, "day": {"type": "string", "format": "date"}},
}


@pytest.fixture
def made(checkpoint: Callable[[str], Path]) -> Iterator[Grammars]:
    tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(checkpoint("qwen3"))
    grammars = Grammars(Vocabulary.of(tokenizer, None), WIDTH)
    yield grammars
    grammars.close()


@pytest.fixture
def tried(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The grammars that went to the process of trials."""
    seen: list[str] = []
    tried = grammar_trial.GrammarTrial._tried

    def noting(trial: grammar_trial.GrammarTrial, grammar: str) -> int | str:
        seen.append(grammar)
        return tried(trial, grammar)

    monkeypatch.setattr(grammar_trial.GrammarTrial, "_tried", noting)
    return seen


def asks(schema: object) -> GenerationParams:
    return GenerationParams(response_format=ResponseFormat.of_schema(json.dumps(schema)))


def of_length(number: int) -> dict[str, Any]:
    return {"type": "string", "pattern": f"^x{{0,{number}}}$"}


def test_a_grammar_that_takes_long_is_the_documents_fault_and_the_next_one_is_compiled(
    made: Grammars, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(grammar_trial, "LIMITS", replace(grammar_trial.LIMITS, seconds=2))
    monkeypatch.setattr(grammars, "answer_grammar", lambda _text, **_: COSTLY)
    for _ in range(2):  # the second time at once
        with pytest.raises(InvalidSchema, match=r"making its grammar (took longer|needed more|crashed)"):
            made.grammar_for(asks(of_length(1)), [])
    monkeypatch.undo()
    assert made.grammar_for(asks(of_length(2)), []) is not None


def test_a_grammar_is_tried_once_and_a_plain_one_not_at_all(made: Grammars, tried: list[str]) -> None:
    assert made.grammar_for(asks(PLAIN), []) is not None
    assert tried == []
    for number in (3, 4, 3):
        assert made.grammar_for(asks(of_length(number)), []) is not None
    assert len(tried) == 2


def test_grammars_are_kept_within_a_bound_of_memory(
    made: Grammars, tried: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(grammars, "KEPT_BYTES", 500_000)
    for number in range(1, 40):
        assert made.grammar_for(asks(of_length(number)), []) is not None
    assert 1 < len(made._kept) < 10
    assert made.grammar_for(asks(of_length(1)), []) is not None
    assert len(tried) == 39  # dropped, and compiled again without a trial


def test_what_a_grammar_learned_counts_too(made: Grammars, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grammars, "KEPT_BYTES", 10_000_000)
    used = made.grammar_for(asks(PLAIN), [])
    assert used is not None
    (token,) = made._vocabulary.tokenizer.encode("{", add_special_tokens=False)
    for _ in range(3_000):
        used.accept(token)
        used.restart()
    assert made.grammar_for(asks(of_length(1)), []) is not None
    assert len(made._kept) == 1


def test_without_a_process_of_trials_grammars_are_compiled_and_the_log_says_so(
    made: Grammars, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(grammar_trial, "LIMITS", replace(grammar_trial.LIMITS, memory_bytes=1024))
    assert made.grammar_for(asks(of_length(1)), []) is not None
    assert "grammars are compiled without a trial" in caplog.text


@pytest.mark.parametrize(
    ("schema", "plain"),
    [
        (PLAIN, True),
        ({"type": "array", "items": {"enum": ["a", 1]}}, True),
        ({"properties": {"pattern": {"type": "string"}}}, True),
        ({"properties": {"a": {"pattern": "x"}}}, False),
        ({"anyOf": [{"$ref": "#/default"}], "default": {"pattern": "x"}}, False),
        ({"enum": ["x" * 9_000]}, False),
        ({"enum": [1, "a", None, True]}, True),
        ({"enum": [1, 0.5]}, False),
        ({"enum": [1, -1e19]}, False),
        ({"const": {"a": 1}}, False),
        (
            {"$defs": {"A": {"type": "string"}}, "properties": {"a": {"$ref": "#/$defs/A", "title": "A"}}},
            True,
        ),
        ({"$defs": {"A": {"type": "string"}}, "allOf": [{"$ref": "#/$defs/A"}]}, False),
        ({"$defs": {"A": {"pattern": "x"}}, "properties": {"a": {"$ref": "#/$defs/A"}}}, False),
        ({"$defs": {"A": {"type": "string"}}, "$ref": "#/$defs/A", "maxLength": 3}, False),
        ({"$ref": "#"}, False),
        ({"anyOf": [{"type": "number"}, {"type": "null"}], "default": None}, True),
        ({"anyOf": [{"minimum": 1}, {"minimum": 2}], "type": "number"}, False),
        ({"type": "number", "minimum": 0, "maximum": 99.99}, True),
        ({"type": "number", "minimum": 5e-324}, False),
        ({"type": "string", "maxLength": 500}, True),
        ({"type": "string", "format": "email", "maxLength": 500}, False),
        ({"type": "string", "maxLength": 50_000}, False),
        ({"type": "integer", "multipleOf": 2}, False),
    ],
)
def test_only_small_schemas_of_cheap_keywords_are_plain(schema: object, plain: bool) -> None:
    assert is_plain(json.dumps(schema)) is plain
