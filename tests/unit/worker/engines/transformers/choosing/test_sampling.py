"""Choosing tokens like Transformers' own warpers, by the document's own seed."""

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import RepetitionPenaltyLogitsProcessor

from qwenq.schemas.generation import GenerationParams
from qwenq.worker.engines.transformers.choosing import warping
from qwenq.worker.engines.transformers.choosing.sampling import pick_tokens
from qwenq.worker.engines.transformers.prompts.vocabulary import Vocabulary
from qwenq.worker.engines.transformers.request_state import RequestState
from tests.models import chat_tokenizer

VOCABULARY = Vocabulary.of(chat_tokenizer(), None)
PARAMS = st.fixed_dictionaries(
    {"temperature": st.sampled_from([0.0, 0.5, 1.0, 3.0]), "seed": st.integers(0, 5)},
    optional={
        "top_k": st.sampled_from([0, 5, 50]),
        "top_p": st.sampled_from([0.3, 0.95]),
        "min_p": st.sampled_from([0.01, 0.3]),
        "repetition_penalty": st.sampled_from([0.8, 1.3]),
        "presence_penalty": st.sampled_from([-1.0, 1.5]),
        "frequency_penalty": st.sampled_from([-0.5, 1.0]),
    },
)


def row(**params: Any) -> RequestState:
    return RequestState(0, [1, 2], GenerationParams(**params), VOCABULARY)


def draw_logits(rows: int = 3, seed: int = 0) -> Any:
    return torch.randn(rows, 200, generator=torch.Generator().manual_seed(seed)) * 3


def test_zero_temperature_picks_the_best_token() -> None:
    logits = draw_logits()
    assert pick_tokens(logits, [row(), row(), row()]) == logits.argmax(dim=-1).tolist()


@pytest.mark.parametrize("temperature", [1e-45, 1e-30, 1e-5])
def test_a_tiny_temperature_picks_the_best_token(temperature: float) -> None:
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


@given(params=st.lists(PARAMS, min_size=2, max_size=6), seed=st.integers(0, 100), spread=st.floats(0.1, 5))
@settings(deadline=None)
def test_a_row_is_chosen_as_alone_whatever_its_neighbours_parameters(
    params: list[dict[str, Any]], seed: int, spread: float
) -> None:
    logits = draw_logits(len(params), seed) * spread
    together, apart = ([row(**one) for one in params] for _ in range(2))
    for _ in range(4):
        picked = pick_tokens(logits, together)
        assert picked == [pick_tokens(logits[i : i + 1], [one])[0] for i, one in enumerate(apart)]
        for one, other, token in zip(together, apart, picked, strict=True):
            assert token is not None
            one.append(token)
            other.append(token)
        logits = logits.roll(7, dims=1)


def test_a_row_with_an_incomplete_shortlist_does_not_change_its_neighbour(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(warping, "SHORTLIST", 10)
    logits = torch.cat([draw_logits(1) * 5, torch.zeros(1, 200)])
    rows = [row(temperature=1.0, top_p=0.9, seed=seed) for seed in (3, 4)]
    sharp, flat = pick_tokens(logits, rows)
    assert sharp == pick_tokens(logits[:1], [row(temperature=1.0, top_p=0.9, seed=3)])[0]
    assert flat == pick_tokens(logits[1:], [row(temperature=1.0, top_p=0.9, seed=4)])[0]


def test_penalties_act_in_greedy_decoding() -> None:
    logits = draw_logits(1)
    best = logits.argmax().item()
    history = torch.tensor([[1, 2, best]])
    expected = RepetitionPenaltyLogitsProcessor(3.0)(history, logits.clone())
    penalised = row(repetition_penalty=3.0)
    penalised.append(int(best))
    assert pick_tokens(logits, [penalised]) == expected.argmax(dim=-1).tolist()
    assert pick_tokens(logits, [penalised]) != [best]


def test_sampling_does_not_change_the_logits() -> None:
    logits = draw_logits()
    before = logits.clone()
    pick_tokens(logits, [row(repetition_penalty=1.5), row(temperature=1.0, top_p=0.5), row()])
    assert torch.equal(logits, before)


def test_coarse_logits_are_penalised_in_float32() -> None:
    logits = torch.tensor([[0.0, 4.0, 4.0]]).bfloat16()
    held = RequestState(0, [1], GenerationParams(repetition_penalty=1.001), VOCABULARY)
    assert pick_tokens(logits, [held]) == [2]


def test_a_forced_token_is_chosen_without_a_random_number() -> None:
    logits = draw_logits(2)
    forced = row(temperature=1.0, seed=5)
    assert forced.randomness is not None
    state = forced.randomness.get_state().tolist()
    forced.forced.extend([42, 43])
    assert pick_tokens(logits, [forced, row()]) == [42, int(logits[1].argmax())]
    assert forced.randomness.get_state().tolist() == state
    forced.append(42)
    assert list(forced.forced) == [43]


def test_a_seed_repeats_its_draws_and_another_differs() -> None:
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
def test_nan_logits_fail_only_their_own_row(value: float) -> None:
    logits = draw_logits()
    logits[1, 17] = value
    picked = pick_tokens(logits, [row(), row(temperature=1.0), row(temperature=1.0)])
    assert picked[1] is None
    assert picked[0] == int(logits[0].argmax())
    assert picked[2] is not None
