"""Both ways to compute probabilities give those of Transformers' own warpers."""

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import (
    LogitsProcessorList,
    MinPLogitsWarper,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

from qwenq.worker.engines.transformers.choosing import warping
from qwenq.worker.engines.transformers.choosing.warping import Recipe, shortlist, warped_probabilities

RECIPES = st.builds(
    Recipe,
    temperature=st.floats(0.1, 8),
    top_k=st.sampled_from([0, 1, 2, 20, 150, 500]),
    top_p=st.sampled_from([1.0, 0.999, 0.9, 0.5, 0.1, 1e-9]),
    min_p=st.sampled_from([0.0, 1e-6, 0.01, 0.2, 1.0]),
)
SPREADS = st.floats(0.1, 20)  # from nearly even logits to a single dominant one
SEEDS = st.integers(0, 10_000)


def draw_logits(seed: int, spread: float = 3, rows: int = 3, vocabulary: int = 400) -> torch.Tensor:
    return torch.randn(rows, vocabulary, generator=torch.Generator().manual_seed(seed)) * spread


def as_transformers_does(logits: torch.Tensor, recipe: Recipe) -> torch.Tensor:
    """Compute probabilities with the warpers of `generate`, in its order."""
    warpers: Any = LogitsProcessorList([TemperatureLogitsWarper(recipe.temperature)])
    if recipe.top_k:
        warpers.append(TopKLogitsWarper(recipe.top_k))
    if recipe.top_p < 1:
        warpers.append(TopPLogitsWarper(recipe.top_p))
    warpers.append(MinPLogitsWarper(recipe.min_p))
    warped: torch.Tensor = warpers(torch.zeros((len(logits), 1), dtype=torch.long), logits)
    return warped.softmax(dim=-1)


@given(recipe=RECIPES, seed=SEEDS, spread=SPREADS)
@settings(deadline=None)
def test_the_whole_vocabulary_is_warped_as_by_transformers(recipe: Recipe, seed: int, spread: float) -> None:
    logits = draw_logits(seed, spread)
    torch.testing.assert_close(warped_probabilities(logits, recipe), as_transformers_does(logits, recipe))


@given(recipe=RECIPES, seed=SEEDS, spread=SPREADS)
@settings(deadline=None)
def test_a_complete_shortlist_has_the_tokens_that_transformers_keeps(
    recipe: Recipe, seed: int, spread: float
) -> None:
    logits = draw_logits(seed, spread)
    few = shortlist(logits, recipe)
    if few is None:
        return
    spread_out = torch.zeros_like(logits).scatter(1, few.tokens, few.probabilities)
    expected = as_transformers_does(logits, recipe)
    torch.testing.assert_close(spread_out[few.complete], expected[few.complete])
    assert (few.tokens.diff(dim=-1) > 0).all(), "the order must not depend on how equals were sorted"


@pytest.mark.parametrize(
    "recipe",
    [Recipe(0.6, 20, 0.95, 0), Recipe(1, 0, 0.9, 0), Recipe(1, 0, 1, 0.1), Recipe(1, 5, 1, 0)],
    ids=str,
)
def test_sharp_logits_make_a_complete_shortlist(recipe: Recipe) -> None:
    few = shortlist(draw_logits(0, spread=6, vocabulary=2000), recipe)
    assert few is not None
    assert few.complete.all()
    assert few.tokens.shape[1] < 300


@pytest.mark.parametrize("recipe", [Recipe(1, 0, 0.99, 0), Recipe(1, 0, 1, 1e-5)], ids=str)
def test_a_shortlist_that_may_miss_tokens_is_incomplete(
    recipe: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(warping, "SHORTLIST", 20)
    logits = torch.cat([draw_logits(0, spread=0.1, rows=1), draw_logits(0, spread=30, rows=1)])
    few = shortlist(logits, recipe)
    assert few is not None
    assert few.complete.tolist() == [False, True]


def test_more_ties_than_the_shortlist_holds_make_it_incomplete() -> None:
    few = shortlist(torch.zeros(1, 400), Recipe(1, 20, 1, 0))
    assert few is not None
    assert not few.complete.any()


def test_a_recipe_that_drops_nothing_has_no_shortlist() -> None:
    assert shortlist(draw_logits(0), Recipe(0.7, 0, 1, 0)) is None


@pytest.mark.parametrize("temperature", [1e-320, 1e-45, 1e-30, 1e-5])
@pytest.mark.parametrize("top_k", [0, 5])
def test_a_tiny_temperature_keeps_only_the_best_token(temperature: float, top_k: int) -> None:
    logits = draw_logits(0)
    best = warped_probabilities(logits, Recipe(temperature, top_k, 1, 0))
    assert best.gather(1, logits.argmax(dim=-1, keepdim=True)).tolist() == [[1], [1], [1]]
