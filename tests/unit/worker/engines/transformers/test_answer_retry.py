"""A whole answer that its schema refuses is tried once more, and then fails its document."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from qwenq.schemas.generation import GenerationParams
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


@pytest.mark.parametrize(("temperature", "then"), [(0.0, RETRY_TEMPERATURE), (0.7, 0.7)])
def test_an_invalid_answer_is_tried_again_with_other_numbers(
    loaded: LoadedModel, temperature: float, then: float
) -> None:
    params = GenerationParams(temperature=temperature, seed=4, response_format=form(PAIR))
    grammars = Grammars(loaded.vocabulary, loaded.network.config.vocab_size)
    state = RequestState(0, [5], params, loaded.vocabulary, 0, grammars.grammar_for(params, []))
    for token in loaded.tokenizer.encode("[1,1]"):
        state.append(token)
    assert (state.ended, state.wants_retry, state.failure) == (True, True, None)
    state.retry()
    assert (state.params.temperature, state.params.seed) == (then, 5)
    assert (state.ended, state.wants_retry, state.generated) == (False, False, [])
    for token in loaded.tokenizer.encode("[1,2]"):
        state.append(token)
    assert (state.wants_retry, state.completion(0.0).text) == (False, "[1,2]")


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
