"""Choosing tokens: as Transformers' own warpers would, and by the document's own seed only."""

from typing import Any

import pytest
import torch
from transformers import (
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

from schemas.generation import GenerationParams
from tests.models import chat_tokenizer
from worker.engine.sampling import pick_tokens, warped_probabilities
from worker.engine.sequence import Sequence
from worker.engine.vocabulary import Vocabulary

VOCABULARY = Vocabulary.of(chat_tokenizer(), None)
IDS: Any = torch.zeros((3, 1), dtype=torch.long)


def row(**params: Any) -> Sequence:
    return Sequence(0, [1, 2], GenerationParams(**params), VOCABULARY)


def draw_logits(rows: int = 3, seed: int = 0) -> Any:
    return torch.randn(rows, 200, generator=torch.Generator().manual_seed(seed)) * 3


@pytest.mark.parametrize("temperature", [0.3, 1.0, 7.5])
@pytest.mark.parametrize("top_k", [0, 1, 20, 500])
@pytest.mark.parametrize("top_p", [0.1, 0.9, 1.0])
def test_probabilities_are_those_of_transformers(temperature: float, top_k: int, top_p: float) -> None:
    logits = draw_logits()
    expected = TemperatureLogitsWarper(temperature)(IDS, logits)
    if top_k:
        expected = TopKLogitsWarper(top_k)(IDS, expected)
    if top_p < 1:
        expected = TopPLogitsWarper(top_p)(IDS, expected)
    ours = warped_probabilities(logits, (temperature, top_k, top_p))
    torch.testing.assert_close(ours, expected.softmax(dim=-1))


def test_zero_temperature_takes_the_best() -> None:
    logits = draw_logits()
    assert pick_tokens(logits, [row(), row(), row()]) == logits.argmax(dim=-1).tolist()


@pytest.mark.parametrize("temperature", [1e-45, 1e-30, 1e-5])
def test_a_tiny_temperature_takes_the_best(temperature: float) -> None:
    logits = draw_logits()
    rows = [row(temperature=temperature) for _ in range(3)]
    assert pick_tokens(logits, rows) == logits.argmax(dim=-1).tolist()


def test_a_choice_does_not_depend_on_neighbours_or_place() -> None:
    logits = draw_logits()
    alone = pick_tokens(logits[1:2], [row(temperature=1.0, seed=5)])
    among = pick_tokens(
        logits.flip(0),
        [row(temperature=2.0, seed=1), row(temperature=1.0, seed=5), row(top_k=3, temperature=1.0)],
    )
    assert among[1] == alone[0]


def test_seeds_differ_and_repeat() -> None:
    logits = draw_logits(1).repeat(40, 1)
    first = pick_tokens(logits, [row(temperature=2.0, seed=seed) for seed in range(40)])
    again = pick_tokens(logits, [row(temperature=2.0, seed=seed) for seed in range(40)])
    assert first == again
    assert len(set(first)) > 10


def test_no_seed_means_seed_zero() -> None:
    logits = draw_logits(1)
    unseeded = pick_tokens(logits, [row(temperature=2.0)])
    assert unseeded == pick_tokens(logits, [row(temperature=2.0, seed=0)])


def test_draws_follow_the_probabilities() -> None:
    logits = torch.tensor([[0.0, 1.0, 2.0, -torch.inf]]).repeat(4000, 1)
    tokens = pick_tokens(logits, [row(temperature=1.0, seed=seed) for seed in range(4000)])
    shares = torch.bincount(torch.tensor(tokens), minlength=4) / 4000
    torch.testing.assert_close(shares, logits[0].softmax(dim=-1), atol=0.03, rtol=0)
    assert shares[3] == 0


@pytest.mark.parametrize("value", [torch.nan, torch.inf])
def test_what_is_not_a_number_fails_its_own_row_only(value: float) -> None:
    logits = draw_logits()
    logits[1, 17] = value
    picked = pick_tokens(logits, [row(), row(temperature=1.0), row(temperature=1.0)])
    assert picked[1] is None
    assert picked[0] == int(logits[0].argmax())
    assert picked[2] is not None
