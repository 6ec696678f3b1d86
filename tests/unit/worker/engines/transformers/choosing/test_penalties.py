"""Penalties equal those of Transformers, else OpenAI's definition."""

from typing import Any

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import RepetitionPenaltyLogitsProcessor

from qwenq.schemas.generation import GenerationParams
from qwenq.worker.engines.transformers.choosing.penalties import Penalties, penalise

VOCABULARY = 60
TOKENS = st.lists(st.integers(0, VOCABULARY - 1), max_size=40)
ADDITIVE = st.floats(-2, 2).map(lambda number: round(number, 3))
SEEDS = st.integers(0, 10_000)
PARAMS = st.builds(
    GenerationParams,
    repetition_penalty=st.sampled_from([1.0, 1.2, 0.5, 100.0]),
    presence_penalty=st.one_of(st.just(0.0), ADDITIVE),
    frequency_penalty=st.one_of(st.just(0.0), ADDITIVE),
)
DOCUMENTS = st.lists(st.tuples(PARAMS, TOKENS, TOKENS), min_size=1, max_size=5)


def draw_logits(rows: int, seed: int) -> torch.Tensor:
    return torch.randn(rows, VOCABULARY, generator=torch.Generator().manual_seed(seed)) * 5


def penalties(params: GenerationParams, prompt: list[int], generated: list[int]) -> Penalties | None:
    """Make the penalties of a document after these generated tokens."""
    row = Penalties.of(params, prompt)
    for token in generated:
        if row is not None:
            row.add(token)
    return row


def by_definition(
    logits: torch.Tensor, params: GenerationParams, prompt: list[int], generated: list[int]
) -> torch.Tensor:
    """Apply Transformers' processor to the whole history, then subtract OpenAI's c * frequency + (c > 0) * presence."""
    row: Any = logits.unsqueeze(0)
    history = torch.tensor([prompt + generated], dtype=torch.long)
    scores: torch.Tensor = RepetitionPenaltyLogitsProcessor(params.repetition_penalty or 1.0)(history, row)[0]
    for token in set(generated):
        scores[token] -= generated.count(token) * params.frequency_penalty + (params.presence_penalty or 0)
    return scores


@given(documents=DOCUMENTS, seed=SEEDS)
@settings(deadline=None)
def test_each_row_is_penalised_by_its_own_history(
    documents: list[tuple[GenerationParams, list[int], list[int]]], seed: int
) -> None:
    logits = draw_logits(len(documents), seed)
    scores = logits.clone()
    penalise(scores, [penalties(*document) for document in documents])
    expected = [by_definition(row, *document) for row, document in zip(logits, documents, strict=True)]
    torch.testing.assert_close(scores, torch.stack(expected))


@given(prompt=TOKENS, generated=TOKENS, seed=SEEDS)
@settings(deadline=None)
def test_the_repetition_penalty_equals_that_of_transformers(
    prompt: list[int], generated: list[int], seed: int
) -> None:
    logits = draw_logits(1, seed)
    history = torch.tensor([prompt + generated], dtype=torch.long)
    expected = RepetitionPenaltyLogitsProcessor(1.3)(history, logits)
    penalise(logits, [penalties(GenerationParams(repetition_penalty=1.3), prompt, generated)])
    assert torch.equal(logits, expected)


def test_a_document_without_penalties_keeps_no_counts() -> None:
    assert Penalties.of(GenerationParams(temperature=1.0, top_k=4), [1, 2, 3]) is None


def test_presence_and_frequency_penalties_ignore_the_prompt() -> None:
    logits = draw_logits(1, 0)
    scores = logits.clone()
    penalise(
        scores, [penalties(GenerationParams(presence_penalty=2.0, frequency_penalty=2.0), [1, 2, 3], [])]
    )
    assert torch.equal(scores, logits)
