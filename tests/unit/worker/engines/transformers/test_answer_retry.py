"""A whole answer that its schema refuses is tried once more, and then fails its document."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from qwenq.schemas.generation import GenerationParams
from qwenq.schemas.requests import Completion
from qwenq.schemas.response_format import ResponseFormat
from qwenq.worker.engines.options import EngineOptions
from qwenq.worker.engines.transformers.choosing.grammars import Grammars
from qwenq.worker.engines.transformers.engine import TransformersEngine
from qwenq.worker.engines.transformers.loading.loading import LoadedModel, load_model
from qwenq.worker.engines.transformers.request_state import RETRY_TEMPERATURE, RequestState
from tests.unit.worker.engines.asking import ask

PAIR = {"type": "array", "items": {"enum": [1, 2]}, "minItems": 2, "maxItems": 2, "uniqueItems": True}
NEVER = {**PAIR, "items": {"enum": [1]}}


@pytest.fixture(scope="module")
def loaded(checkpoint: Callable[[str], Path]) -> LoadedModel:
    """Load the model that `engine_of` has, too."""
    return load_model(str(checkpoint("qwen3")), EngineOptions("cpu"))


def form(schema: object) -> ResponseFormat:
    return ResponseFormat.of_schema(json.dumps(schema))


@pytest.fixture(scope="module")
def grammars(loaded: LoadedModel) -> Grammars:
    return Grammars(loaded.vocabulary, loaded.network.config.vocab_size)


def tried(
    loaded: LoadedModel, grammars: Grammars, prompt: list[int], temperature: float, seed: int | None
) -> RequestState:
    """Make a document whose first answer is not valid."""
    params = GenerationParams(temperature=temperature, seed=seed, response_format=form(PAIR))
    state = RequestState(0, prompt, params, loaded.vocabulary, 0, grammars.grammar_for(params, []))
    for token in loaded.tokenizer.encode("[1,1]"):
        state.append(token)
    return state


@pytest.mark.parametrize(("temperature", "then"), [(0.0, RETRY_TEMPERATURE), (0.7, 0.7)])
def test_an_invalid_answer_is_tried_again_and_both_tries_are_counted(
    loaded: LoadedModel, grammars: Grammars, temperature: float, then: float
) -> None:
    state = tried(loaded, grammars, [5], temperature, 4)
    assert (state.ended, state.wants_retry, state.failure) == (True, True, None)
    first = len(state.generated)
    state.retry()
    assert state.params.temperature == then
    assert (state.ended, state.wants_retry, state.generated) == (False, False, [])
    state.restart()
    for token in loaded.tokenizer.encode("[1,2]"):
        state.append(token)
    done = state.completion(0.0)
    assert (state.wants_retry, done.text) == (False, "[1,2]")
    assert (done.usage.prompt_tokens, done.usage.completion_tokens) == (1, first + len(state.generated))


def test_a_second_try_has_a_seed_of_its_own_that_comes_from_the_first(
    loaded: LoadedModel, grammars: Grammars
) -> None:
    def second(prompt: list[int], temperature: float, seed: int | None) -> int | None:
        state = tried(loaded, grammars, prompt, temperature, seed)
        state.retry()
        return state.params.seed

    sampled = [second([5], 0.7, seed) for seed in range(9)]
    assert len({*sampled, *range(10)}) == 19
    assert sampled == [second([6], 0.7, seed) for seed in range(9)]
    assert second([5], 0.0, None) == second([5], 0.0, 1) != second([6], 0.0, None)


def test_second_tries_are_the_same_alone_and_in_a_batch(
    engine_of: Callable[[str], TransformersEngine],
) -> None:
    engine = engine_of("qwen3")
    requests = [
        ask("The total", key, response_format=form(PAIR), max_new_tokens=40, temperature=1.5, seed=key)
        for key in range(12)
    ]

    def said(done: Completion) -> tuple[str, str, int]:
        return done.text, done.failure.code if done.failure else "", done.usage.completion_tokens

    together = {one.key: said(one) for one in engine.generate(requests)}
    alone = {one.key: said(one) for request in requests for one in engine.generate([request])}
    assert together == alone
    once = min(tokens for text, _, tokens in alone.values() if text)
    assert any(text and tokens > once for text, _, tokens in alone.values())


def test_an_answer_that_is_invalid_twice_fails_its_document_alone(
    engine_of: Callable[[str], TransformersEngine],
) -> None:
    invalid = [ask("The total", key, response_format=form(NEVER), max_new_tokens=40) for key in (0, 1)]
    beside = ask("The total", 2, max_new_tokens=8)
    done = {one.key: one for one in engine_of("qwen3").generate([*invalid, beside])}
    for key in (0, 1):
        failure = done[key].failure
        assert failure is not None
        assert failure.code == "invalid_answer"
        assert "uniqueItems, at the whole answer: [1,1] has non-unique elements" in failure.message
    assert done[2].failure is None
    assert len(done) == 3
