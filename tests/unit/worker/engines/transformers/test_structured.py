"""Answers that follow JSON schemas, by models that know no JSON."""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import torch
from llguidance import LLParserLimits

from qwenq.schemas.generation import GenerationParams
from qwenq.schemas.requests import Completion, Request
from qwenq.schemas.response_format import ResponseFormat, ResponseType
from qwenq.schemas.results import FinishReason
from qwenq.worker.engines.options import EngineOptions
from qwenq.worker.engines.transformers.choosing.grammar import Grammar
from qwenq.worker.engines.transformers.choosing.grammars import Grammars
from qwenq.worker.engines.transformers.choosing.masking import allowed_bits
from qwenq.worker.engines.transformers.engine import TransformersEngine
from qwenq.worker.engines.transformers.loading.loading import LoadedModel, load_model
from qwenq.worker.engines.transformers.request_state import RequestState
from tests.unit.worker.engines.asking import ask

Engines = Callable[[str], TransformersEngine]

SCHEMAS: dict[str, dict[str, Any]] = {
    "choices": {"enum": ["red", "größe", "東京", 3, None]},
    "a pattern": {"type": "string", "pattern": "^INV-[0-9]{4}$"},
    "a range": {"type": "integer", "minimum": -3, "maximum": 117},
    "a length in characters": {"type": "string", "minLength": 2, "maxLength": 5},
    "arrays in an array": {
        "type": "array",
        "items": {"type": "array", "items": {"type": "boolean"}, "minItems": 1, "maxItems": 2},
        "minItems": 1,
        "maxItems": 3,
    },
    "one or the other": {"anyOf": [{"type": "boolean"}, {"type": "string", "maxLength": 3}]},
    "an invoice": {
        "type": "object",
        "properties": {
            "supplier": {"type": "string", "maxLength": 12},
            "date": {"type": "string", "format": "date"},
            "total": {"type": "integer", "minimum": 0, "maximum": 9999},
            "paid": {"type": ["boolean", "null"]},
        },
        "required": ["supplier", "date", "total", "paid"],
        "additionalProperties": False,
    },
    "a reference": {
        "$ref": "#/$defs/line",
        "$defs": {
            "line": {
                "type": "object",
                "properties": {
                    "count": {"enum": [1, 2]},
                    "next": {"anyOf": [{"type": "null"}, {"const": {}}]},
                },
                "required": ["count", "next"],
                "additionalProperties": False,
            }
        },
    },
}
OBJECT = ResponseFormat(type=ResponseType.JSON_OBJECT)
CONTROL = (
    "<|im_start|>",
    "<|im_end|>",
    "<|endoftext|>",
    "<think>",
    "</think>",
    "<tool_call>",
    "</tool_call>",
)


def form(schema: object) -> ResponseFormat:
    return ResponseFormat.of_schema(json.dumps(schema))


def held(schema: object, key: int = 0, text: str = "The total", **params: Any) -> Request:
    return ask(text, key, **{"max_new_tokens": 160, "response_format": form(schema), **params})


def answers(engine: TransformersEngine, *requests: Request) -> dict[int, Completion]:
    return {completion.key: completion for completion in engine.generate(requests)}


def check(completion: Completion, schema: dict[str, Any]) -> None:
    assert completion.failure is None
    assert completion.finish_reason is FinishReason.STOP
    assert not any(token in completion.text for token in CONTROL)
    jsonschema.validate(json.loads(completion.text), schema, format_checker=jsonschema.FormatChecker())


@pytest.mark.parametrize("architecture", ["qwen3", "qwen2_moe"])
@pytest.mark.parametrize("temperature", [0.0, 1.5])
def test_every_answer_satisfies_its_own_schema(
    engine_of: Engines, architecture: str, temperature: float
) -> None:
    requests = [
        held(schema, key, text, temperature=temperature, seed=key)
        for text in ("The total", "x ** 2", "東京")
        for key, schema in enumerate(SCHEMAS.values())
    ]
    requests = [Request(key, one.prompt, one.params) for key, one in enumerate(requests)]
    completions = answers(engine_of(architecture), *requests)
    for key, completion in completions.items():
        check(completion, list(SCHEMAS.values())[key % len(SCHEMAS)])
    assert len(completions) == len(requests)


def test_a_schema_does_not_change_the_answers_of_neighbours_without_one(engine_of: Engines) -> None:
    engine = engine_of("qwen3")
    free = [
        ask(f"document {key}", key, max_new_tokens=20, temperature=key % 2 / 1, seed=key) for key in range(6)
    ]
    beside = [held(schema, 100 + key) for key, schema in enumerate(SCHEMAS.values())]
    mixed = [request for pair in zip(free, beside, strict=False) for request in pair]
    among_others, alone = answers(engine, *mixed), answers(engine, *free)
    assert {key: (among_others[key].text, among_others[key].finish_reason) for key in alone} == {
        key: (completion.text, completion.finish_reason) for key, completion in alone.items()
    }


def test_an_answer_depends_on_its_own_seed_only(engine_of: Engines) -> None:
    engine = engine_of("qwen3")
    ask_for = partial(held, SCHEMAS["an invoice"], temperature=1.0)
    together = answers(engine, *(ask_for(key, seed=key) for key in range(5)))
    assert len({completion.text for completion in together.values()}) > 1
    for key in range(5):
        assert answers(engine, ask_for(key, seed=key))[key].text == together[key].text


def test_json_object_allows_any_object(engine_of: Engines) -> None:
    for seed in range(30):
        request = ask("x", max_new_tokens=120, response_format=OBJECT, temperature=1.0, seed=seed)
        completion = answers(engine_of("qwen3"), request)[0]
        if completion.failure is None:
            assert isinstance(json.loads(completion.text), dict)
            return
        assert completion.failure.code == "incomplete_json"
    pytest.fail("no answer of thirty came to its end")


def test_truncated_json_fails_with_its_own_code(engine_of: Engines) -> None:
    endless = {"type": "array", "items": {"type": "integer"}, "minItems": 1_000}
    completions = answers(
        engine_of("qwen3"), held(endless, 1, max_new_tokens=12), held(SCHEMAS["a range"], 2)
    )
    failure = completions[1].failure
    assert failure is not None
    assert failure.code == "incomplete_json"
    assert "12 tokens" in failure.message
    check(completions[2], SCHEMAS["a range"])


@pytest.mark.parametrize(
    "schema", [{"enum": []}, {"not": {}}, {"$ref": "#"}, {"type": "strin"}, {"enum": ["x" * 10**6]}]
)
def test_an_unusable_schema_fails_its_document_alone(engine_of: Engines, schema: object) -> None:
    engine = engine_of("qwen3")
    neighbours = [ask("document", 1, max_new_tokens=8), held(SCHEMAS["a range"], 2)]
    completions = answers(engine, neighbours[0], held(schema, 3), neighbours[1])
    failure = completions.pop(3).failure
    assert failure is not None
    assert failure.code == "invalid_schema"
    assert {key: completion.text for key, completion in completions.items()} == {
        key: completion.text for key, completion in answers(engine, *neighbours).items()
    }


@pytest.mark.parametrize("budget", [None, 0, 3, 30])
@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_the_grammar_begins_where_the_reasoning_ends(
    engine_of: Engines, budget: int | None, temperature: float
) -> None:
    """Models that never close a reasoning need the budget; models without reasoning answer at once."""
    schema = SCHEMAS["an invoice"]
    for seed in range(4):
        request = held(
            schema,
            thinking=True,
            thinking_budget=budget,
            thinking_closing="",
            temperature=temperature,
            seed=seed,
        )
        completion = answers(engine_of("qwen3"), request)[0]
        if completion.failure is None:
            check(completion, schema)
        else:
            assert budget is None
            assert completion.failure.code == "incomplete_json"


@pytest.fixture(scope="module")
def loaded(checkpoint: Callable[[str], Path]) -> LoadedModel:
    return load_model(str(checkpoint("qwen3")), EngineOptions("cpu"))


@pytest.fixture
def grammars(loaded: LoadedModel) -> Grammars:
    return Grammars(loaded.vocabulary, loaded.network.config.vocab_size)


def grammar_of(grammars: Grammars, **params: Any) -> Grammar:
    grammar = grammars.grammar_for(GenerationParams(**params), [])
    assert grammar is not None
    return grammar


def allowed(grammar: Grammar, loaded: LoadedModel) -> set[int]:
    bits = allowed_bits([grammar], loaded.network.config.vocab_size)[0]
    return {place for place in range(8 * len(bits)) if bits[place // 8] >> (place % 8) & 1}


def test_the_reasoning_is_free_and_its_closing_is_not_part_of_the_json(loaded: LoadedModel) -> None:
    vocabulary = loaded.vocabulary
    params = GenerationParams(thinking=True, response_format=form(SCHEMAS["a range"]))
    grammar = Grammars(vocabulary, loaded.network.config.vocab_size).grammar_for(params, [])
    state = RequestState(0, [5], params, vocabulary, 0, grammar)
    assert state.grammar is not None
    assert state.grammar.instead == vocabulary.think_open
    text = "<think>\nany {text\n</think>\n\n117"
    for token in loaded.tokenizer.encode(text):
        assert not state.ended
        state.append(token)
    assert allowed(state.grammar, loaded) == set(vocabulary.ends)
    state.append(min(vocabulary.ends))
    assert (state.answer, state.reasoning, state.failure) == ("117", "any {text", None)


def test_an_end_inside_the_reasoning_is_no_answer(loaded: LoadedModel, grammars: Grammars) -> None:
    params = GenerationParams(thinking=True, response_format=OBJECT)
    state = RequestState(0, [5], params, loaded.vocabulary, 0, grammars.grammar_for(params, []))
    for token in [*loaded.tokenizer.encode("<think>\nso"), min(loaded.vocabulary.ends)]:
        state.append(token)
    assert state.failure is not None
    assert state.failure.code == "incomplete_json"


def test_no_control_token_is_allowed_inside_a_string(loaded: LoadedModel, grammars: Grammars) -> None:
    grammar = grammar_of(grammars, response_format=form({"type": "string"}))
    for token in loaded.tokenizer.encode('"a'):
        grammar.accept(token)
    inside = allowed(grammar, loaded)
    assert len(inside) > 200
    assert inside.isdisjoint(loaded.tokenizer.get_added_vocab().values())
    assert max(inside) < len(loaded.tokenizer)


def test_a_complete_object_ends_the_answer_without_another_step(
    loaded: LoadedModel, grammars: Grammars
) -> None:
    params = GenerationParams(response_format=OBJECT)
    state = RequestState(0, [5], params, loaded.vocabulary, 0, grammars.grammar_for(params, []))
    for token in loaded.tokenizer.encode('{"a": [1, 2]}'):
        assert not state.ended
        state.append(token)
    assert state.finish is FinishReason.STOP
    state.restart()
    assert not state.ended
    assert state.grammar is not None
    assert not state.grammar.complete


def test_a_grammar_at_its_limits_restarts_once_and_does_not_hurt_its_neighbour(
    loaded: LoadedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The regular expression needs a state for each combination of the last 18 letters."""
    monkeypatch.setattr(
        "qwenq.worker.engines.transformers.choosing.matchers.LIMITS", LLParserLimits(max_lexer_states=300)
    )
    grammars = Grammars(loaded.vocabulary, loaded.network.config.vocab_size)
    schema = {"type": "string", "pattern": "^(a|b)*a(a|b){18}(c|d)*$"}
    greedy, modest = (grammar_of(grammars, response_format=form(schema)) for _ in range(2))
    ids = loaded.tokenizer.get_vocab()
    for grammar in (greedy, modest):
        grammar.accept(ids['"'])
    shared = modest.matcher
    draw = torch.Generator().manual_seed(0)

    def go_on(steps: int) -> None:
        for _ in range(steps):
            allowed_bits([greedy, modest], loaded.network.config.vocab_size)
            greedy.accept(ids["ab"[int(torch.randint(2, (1,), generator=draw))]])

    go_on(160)
    assert shared.is_error()
    assert all(allowed(grammar, loaded) >= {ids["a"], ids["b"]} for grammar in (greedy, modest))
    go_on(240)
    assert greedy.failure is not None
    assert "too many states" in greedy.failure.reason
    assert modest.failure is None
    assert allowed(modest, loaded) >= {ids["a"], ids["b"]}


def test_a_grammar_that_cannot_be_followed_fails_its_document(
    loaded: LoadedModel, grammars: Grammars
) -> None:
    params = GenerationParams(response_format=form(SCHEMAS["a range"]))
    state = RequestState(0, [5], params, loaded.vocabulary, 0, grammars.grammar_for(params, []))
    state.append(loaded.tokenizer.get_vocab()["x"])
    assert state.ended
    assert state.failure is not None
    assert state.failure.code == "generation_error"
