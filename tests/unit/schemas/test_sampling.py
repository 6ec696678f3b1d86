"""Open sampling parameters come from where `sampling` says; given ones win."""

import re
from typing import Any

import pytest

from qwenq.schemas.errors import InvalidParameter
from qwenq.schemas.generation import GenerationParams
from qwenq.schemas.requests import ModelInfo
from qwenq.schemas.sampling.cards import card_of, model_cards
from qwenq.schemas.sampling.settling import in_words, settled, warning

OWN = {"temperature": 0.0, "top_p": 1.0, "top_k": 50, "min_p": 0.0, "repetition_penalty": 1.05}
THINKING = {"temperature": 0.6, "top_p": 0.95, "top_k": 20, "min_p": 0.0}
PLAIN = {"temperature": 0.7, "top_p": 0.8, "top_k": 20, "min_p": 0.0}


def model(name: str = "Qwen/Qwen3-8B", **others: Any) -> ModelInfo:
    return ModelInfo(name, "cpu", "float32", 512, 1, 0.0, generation=OWN, **others)


def given(params: GenerationParams) -> dict[str, Any]:
    return params.model_dump(exclude_none=True, include={*OWN, "presence_penalty"})


@pytest.mark.parametrize(
    ("params", "wanted"),
    [
        ({}, {}),
        ({"temperature": 0.5}, {"temperature": 0.5}),
        ({"sampling": "model"}, OWN),
        ({"sampling": "model", "repetition_penalty": 1.2}, {**OWN, "repetition_penalty": 1.2}),
        ({"sampling": "card"}, PLAIN),
        ({"sampling": "card", "thinking": True}, THINKING),
        ({"sampling": "card", "temperature": 0.0}, {**PLAIN, "temperature": 0.0}),
    ],
    ids=str,
)
def test_open_parameters_are_filled_and_given_ones_win(
    params: dict[str, Any], wanted: dict[str, Any]
) -> None:
    assert given(settled(GenerationParams().overlaid(params), model())) == wanted


@pytest.mark.parametrize(
    ("asked", "info", "said"),
    [
        ("card", model("acme/tuned-7b"), "no card is known for acme/tuned-7b"),
        ("model", model(not_applied=("no_repeat_ngram_size",)), "sets no_repeat_ngram_size"),
    ],
)
def test_what_cannot_be_applied_is_refused(asked: str, info: ModelInfo, said: str) -> None:
    with pytest.raises(InvalidParameter, match=re.escape(said)):
        settled(GenerationParams().overlaid({"sampling": asked}), info)


@pytest.mark.parametrize(
    ("name", "source", "thinking", "plain"),
    [
        ("Qwen/Qwen2.5-7B-Instruct", "generation_config.json of the other", None, 0.7),
        ("Qwen/Qwen2.5-Coder-32B-Instruct-AWQ", "generation_config.json of the other", None, 0.7),
        ("Qwen/Qwen2.5-Coder-0.5B-Instruct", "generation_config.json of the other", None, 0.7),
        ("Qwen/Qwen2.5-Coder-7B-Instruct", "generation_config.json of Qwen2.5-0.5B-Instruct", None, 0.7),
        ("Qwen/Qwen2.5-1.5B-Instruct", "generation_config.json of Qwen2.5-0.5B-Instruct", None, 0.7),
        ("Qwen/Qwen3-8B@abc", "Qwen3-8B", 0.6, 0.7),
        ("/models/Qwen3-30B-A3B-FP8/", "Qwen3-8B", 0.6, 0.7),
        ("Qwen/Qwen3-4B-Instruct-2507", "Qwen3-4B-Instruct-2507", None, 0.7),
        ("Qwen/Qwen3-235B-A22B-Thinking-2507", "Qwen3-4B-Thinking-2507", 0.6, None),
        ("Qwen/Qwen3-Next-80B-A3B-Thinking", "Qwen3-4B-Thinking-2507", 0.6, None),
        ("Qwen/Qwen3-Coder-30B-A3B-Instruct", "Qwen3-Coder-30B-A3B-Instruct", None, 0.7),
        ("Qwen/Qwen3-Coder-Next", "Qwen3-Coder-Next", None, 1.0),
        ("Qwen/Qwen3.5-35B-A3B", "Qwen3.5-4B to", 1.0, 0.7),
        ("Qwen/Qwen3.5-2B", "Qwen3.5-0.8B", 1.0, 1.0),
        ("Qwen/Qwen3.6-35B-A3B-FP8", "Qwen3.5-4B to", 1.0, 0.7),
        ("Qwen/Qwen3.6-27B", "Qwen3.6-27B", 1.0, 0.7),
        ("Qwen/Qwen3.8-27B", "Qwen3.6-27B", 1.0, 0.7),
        ("Qwen/Qwen3.5-397B-A17B-FP8", "Qwen3.5-397B-A17B", 0.6, 0.7),
        ("Qwen/QwQ-32B", "QwQ-32B", 0.6, None),
    ],
)
def test_a_card_is_found_by_the_name(
    name: str, source: str, thinking: float | None, plain: float | None
) -> None:
    card = card_of(name)
    assert card is not None
    assert card.source.startswith(source)
    assert (card.thinking or {}).get("temperature") == thinking
    assert (card.plain or {}).get("temperature") == plain


@pytest.mark.parametrize(
    "name",
    [
        "Qwen/Qwen3-8B-Base",
        "Qwen/Qwen3.5-2B-Base",
        "Qwen/Qwen3-Coder-Next-Base",
        "Qwen/Qwen3-VL-8B-Thinking",
        "Qwen/Qwen2.5-7B",
        "Qwen/Qwen2.5-7B-Instruct-1M",
        "Qwen/Qwen2.5-Math-7B-Instruct",
        "meta-llama/Llama-3.1-8B-Instruct",
        "x",
    ],
)
def test_other_models_have_no_card(name: str) -> None:
    assert card_of(name) is None


def test_the_advice_of_every_card_is_valid() -> None:
    for card in model_cards():
        for thinking in (False, True):
            assert GenerationParams().overlaid(card.advice(thinking=thinking)).temperature


@pytest.mark.parametrize(
    ("params", "name", "said"),
    [
        ({}, "x", "greedy"),
        (
            {"temperature": 0.0, "repetition_penalty": 1.1},
            "x",
            "greedy (temperature 0, repetition_penalty 1.1)",
        ),
        ({"temperature": 0.5, "top_k": 9}, "x", "sampled (temperature 0.5, top_k 9)"),
        ({"sampling": "model"}, "x", "as the model's generation_config.json says"),
        (
            {"sampling": "card"},
            "Qwen/Qwen3-8B",
            "as the model's card advises (temperature 0.7, top_p 0.8, top_k 20)",
        ),
    ],
    ids=str,
)
def test_a_job_says_how_it_samples(params: dict[str, Any], name: str, said: str) -> None:
    assert in_words(GenerationParams().overlaid(params), name) == said


@pytest.mark.parametrize(
    ("params", "name", "warns"),
    [
        ({"thinking": True}, "Qwen/Qwen3-8B", True),
        ({}, "Qwen/Qwen3-8B", False),
        ({}, "Qwen/QwQ-32B", True),
        ({"thinking": True, "temperature": 0.6}, "Qwen/Qwen3-8B", False),
        ({"thinking": True, "sampling": "card"}, "Qwen/Qwen3-8B", False),
        ({"thinking": True}, "x", False),
    ],
    ids=str,
)
def test_greedy_thinking_is_warned_of_where_the_card_advises_to_sample(
    params: dict[str, Any], name: str, warns: bool
) -> None:
    assert (warning(GenerationParams().overlaid(params), name) is not None) is warns
