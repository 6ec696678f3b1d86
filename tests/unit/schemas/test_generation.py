"""Generation parameters: bounds, and a document's overrides."""

from typing import Any

import pytest
from pydantic import ValidationError

from qwenq.schemas.errors import InvalidParameter
from qwenq.schemas.generation import GenerationParams, Overflow

JOB = GenerationParams(max_new_tokens=100, temperature=0.7, stop=("END",), seed=3, thinking=True)


def test_a_documents_own_parameters_override_the_jobs() -> None:
    laid = JOB.overlaid({"temperature": 0, "stop": "a"})
    assert laid == JOB.model_copy(update={"temperature": 0.0, "stop": ("a",)})
    assert JOB.overlaid({}) is JOB


@pytest.mark.parametrize(("stop", "expected"), [(None, ()), ("a", ("a",)), (["a", "b"], ("a", "b"))])
def test_stop_takes_one_several_or_none(stop: Any, expected: tuple[str, ...]) -> None:
    assert JOB.overlaid({"stop": stop}).stop == expected


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("max_new_tokens", 0),
        ("max_new_tokens", True),
        ("max_new_tokens", "5"),
        ("max_new_tokens", 5.0),
        ("temperature", -0.1),
        ("temperature", float("nan")),
        ("temperature", "warm"),
        ("top_p", 0),
        ("top_p", 1.01),
        ("top_k", -1),
        ("seed", -1),
        ("seed", 2**63),
        ("stop", [""]),
        ("stop", ["x" * 501] * 100),
        ("stop", ["\ud83d"]),
        ("stop", {"a": 1}),
        ("top_p", float("nan")),
        ("top_k", 10**400),
        ("min_p", -0.1),
        ("min_p", float("nan")),
        ("min_p", 1.1),
        ("repetition_penalty", 0),
        ("repetition_penalty", -1.2),
        ("repetition_penalty", float("inf")),
        ("presence_penalty", 2.1),
        ("presence_penalty", float("nan")),
        ("frequency_penalty", -2.1),
        ("frequency_penalty", False),
        ("thinking_budget", -1),
        ("thinking_budget", 10**30),
        ("thinking_budget", 2.0),
        ("on_overflow", "ignore"),
        ("nonsense", 1),
    ],
)
def test_a_parameter_out_of_bounds_is_named(name: str, value: Any) -> None:
    with pytest.raises(InvalidParameter) as caught:
        JOB.overlaid({name: value})
    assert caught.value.name.partition(".")[0] == name


def test_ten_thousand_stop_strings_are_allowed() -> None:
    stops = [f"{number:05}" for number in range(10_000)]
    assert JOB.overlaid({"stop": stops}).stop == tuple(stops)


def test_too_long_stop_strings_are_refused_in_a_sentence() -> None:
    with pytest.raises(InvalidParameter) as caught:
        JOB.overlaid({"stop": ["x" * 1_000] * 51})
    assert str(caught.value) == "stop: 51 stop strings have 51,000 characters; at most 50,000 are allowed."


def test_one_stop_string_of_more_than_a_thousand_characters_is_refused() -> None:
    assert JOB.overlaid({"stop": "x" * 1_000}).stop == ("x" * 1_000,)
    with pytest.raises(InvalidParameter) as caught:
        JOB.overlaid({"stop": ["END", "x" * 1_001]})
    assert str(caught.value) == "stop: one stop string has 1,001 characters; at most 1,000 are allowed."


def test_parameters_are_the_same_after_json() -> None:
    params = JOB.model_copy(update={"on_overflow": Overflow.TRUNCATE})
    assert GenerationParams.model_validate_json(params.model_dump_json()) == params
    assert GenerationParams.model_validate(params.model_dump(mode="json")) == params


def test_generation_parameters_are_immutable() -> None:
    with pytest.raises(ValidationError):
        JOB.seed = 4  # type: ignore[misc]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"max_new_tokens": 0}, "max_new_tokens: it must be at least 1."),
        ({"max_new_tokens": 2_000_000}, "max_new_tokens: it must be at most 1,000,000."),
        ({"max_new_tokens": "9"}, "max_new_tokens: it must be a whole number."),
        ({"top_p": 0}, "top_p: it must be more than 0."),
        ({"stop": [""]}, "stop: it must not be empty."),
        ({"on_overflow": "cut"}, "on_overflow: it must be 'fail', 'truncate' or 'split'."),
        ({"tempo": 1}, "tempo: there is no such name."),
    ],
)
def test_a_wrong_parameter_is_told_in_words(given: dict[str, object], said: str) -> None:
    with pytest.raises(InvalidParameter) as refused:
        JOB.overlaid(given)
    assert str(refused.value) == said
