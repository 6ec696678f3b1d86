"""Fingerprints are equal if the answer must be equal, and differ with everything that decides it."""

from dataclasses import replace
from typing import Any

import pytest

from qwenq.schemas.generation import GenerationParams, Overflow
from qwenq.schemas.jobs import PromptSpec
from qwenq.schemas.prompts.templating import PromptTemplate
from qwenq.schemas.requests import ModelInfo, Request
from qwenq.schemas.workers import UNKNOWN_WEIGHTS, LoadedWeights
from qwenq.worker.reuse.fingerprints import Fingerprints

MODEL = ModelInfo("m", "cuda:0", "bfloat16", 512, 1_000, load_seconds=1.0, weights=LoadedWeights("r1"))
PLAIN = PromptSpec()


def request(text: str = "hello", spec: PromptSpec = PLAIN, **params: Any) -> Request:
    prompt = PromptTemplate.from_spec(spec).render({"text": text, "id": "x"}).prompt
    return Request(key=7, prompt=prompt, params=GenerationParams().overlaid(params), group=3)


BASE = Fingerprints(MODEL).of(request())


def test_the_same_request_has_the_same_fingerprint_of_32_bytes_in_any_chunk() -> None:
    again = replace(request(), key=8, group=9, closes_group=True)
    assert Fingerprints(replace(MODEL, device="cuda:1", load_seconds=9.0)).of(again) == BASE
    assert BASE is not None
    assert len(BASE) == 32


@pytest.mark.parametrize(
    "other",
    [
        {"model": "n"},
        {"weights": LoadedWeights("r2")},
        {"weights": LoadedWeights("r", "d2")},
        {"dtype": "float32"},
        {"dtype": "bfloat16, 4bit"},
    ],
    ids=str,
)
def test_model_revision_and_number_format_change_the_fingerprint(other: dict[str, Any]) -> None:
    assert Fingerprints(replace(MODEL, **other)).of(request()) != BASE


@pytest.mark.parametrize(
    "params",
    [
        {"max_new_tokens": 7},
        {"stop": ("x",)},
        {"thinking": True},
        {"repetition_penalty": 1.1},
        {"response_format": "json_object"},
        {"response_format": {"type": "json_schema", "json_schema": {"schema": {"type": "object"}}}},
        {"temperature": 0.5, "seed": 1},
        {"on_overflow": "truncate"},
    ],
    ids=str,
)
def test_parameters_change_the_fingerprint(params: dict[str, Any]) -> None:
    assert Fingerprints(MODEL).of(request(**params)) != BASE


@pytest.mark.parametrize(
    "spec", [PromptSpec(system="Be brief."), PromptSpec(template="{{ text }}!")], ids=str
)
def test_prompts_change_the_fingerprint(spec: PromptSpec) -> None:
    fingerprints = Fingerprints(MODEL)
    assert len({BASE, fingerprints.of(request("Hello")), fingerprints.of(request(spec=spec))}) == 3


def test_the_rendered_prompt_counts_and_not_its_template() -> None:
    assert Fingerprints(MODEL).of(request("hello", PromptSpec(template="{{ text }}"))) == BASE


def test_sampling_parameters_do_not_count_for_greedy_decoding() -> None:
    assert Fingerprints(MODEL).of(request(seed=5, top_p=0.5, top_k=3, min_p=0.1)) == BASE


def test_the_seed_counts_for_sampling() -> None:
    one, two, again = (Fingerprints(MODEL).of(request(temperature=1.0, seed=seed)) for seed in (1, 2, 1))
    assert one == again != two


def test_sampling_without_a_seed_has_no_fingerprint() -> None:
    assert Fingerprints(MODEL).of(request(temperature=1.0)) is None


def test_commits_with_the_same_files_give_the_same_fingerprint() -> None:
    fingerprints = {
        Fingerprints(replace(MODEL, weights=LoadedWeights(commit, "same"))).of(request())
        for commit in ("a", "b")
    }
    assert len(fingerprints) == 1


def test_a_model_of_unknown_revision_gives_no_fingerprint() -> None:
    assert Fingerprints(replace(MODEL, weights=UNKNOWN_WEIGHTS)).of(request()) is None


def test_half_of_a_surrogate_pair_has_no_fingerprint() -> None:
    assert Fingerprints(MODEL).of(request("\ud83d")) is None


def test_for_truncation_it_counts_which_part_of_the_prompt_is_the_document() -> None:
    whole = request("a b", on_overflow=Overflow.TRUNCATE)
    part = request("b", PromptSpec(template="a {{ text }}"), on_overflow=Overflow.TRUNCATE)
    assert whole.prompt.messages == part.prompt.messages
    assert Fingerprints(MODEL).of(whole) != Fingerprints(MODEL).of(part)


@pytest.mark.parametrize("policy", [Overflow.TRUNCATE, Overflow.SPLIT])
def test_the_overflow_policy_does_not_count_for_a_prompt_that_surely_fits(policy: Overflow) -> None:
    roomy = Fingerprints(replace(MODEL, context=4_096))
    assert roomy.of(request(on_overflow=policy), "{{ parts }}") == roomy.of(request())


def test_context_and_merge_prompt_count_for_a_document_that_may_be_split() -> None:
    long = request("word " * 1_000, on_overflow=Overflow.SPLIT)
    base = Fingerprints(MODEL).of(long, "{{ parts }}")
    assert Fingerprints(MODEL).of(long, "{{ parts }}") == base
    assert Fingerprints(MODEL).of(long, "Merge {{ parts }}") != base
    assert Fingerprints(replace(MODEL, context=1_024)).of(long, "{{ parts }}") != base
    assert Fingerprints(MODEL).of(request("word " * 1_000)) != base
