"""Logits processors for repetition, presence and frequency penalties."""

from array import array
from collections.abc import Sequence
from typing import Self

import torch

from qwenq.schemas.generation import GenerationParams


class Penalties:
    """A request's penalties, and the distinct tokens that they apply to, with their counts.

    The host keeps them as flat arrays, with one look-up a token. A step moves the tokens of all rows to the device at
    once and changes only their logits, however large the vocabulary is.
    """

    def __init__(self, params: GenerationParams, prompt: Sequence[int]) -> None:
        self.repetition = params.repetition_penalty or 1.0
        self.presence = params.presence_penalty or 0.0
        self.frequency = params.frequency_penalty
        # Only the repetition penalty counts the prompt.
        self.tokens = array("q", dict.fromkeys(prompt if self.repetition != 1 else ()))
        self.generated = array("q", [0] * len(self.tokens))
        self._places = {token: place for place, token in enumerate(self.tokens)}

    @classmethod
    def of(cls, params: GenerationParams, prompt: Sequence[int]) -> Self | None:
        """Make the penalties of a request with this prompt; None if it has none."""
        neutral = (
            (params.repetition_penalty or 1) == 1
            and not params.presence_penalty
            and not params.frequency_penalty
        )
        return None if neutral else cls(params, prompt)

    def add(self, token: int) -> None:
        """Count a generated token."""
        place = self._places.setdefault(token, len(self.tokens))
        if place == len(self.tokens):
            self.tokens.append(token)
            self.generated.append(0)
        self.generated[place] += 1


def penalise(scores: torch.Tensor, rows: Sequence[Penalties | None]) -> None:
    """Apply each row's penalties to `scores`, float32, rows x vocabulary, in place.

    First repetition, on prompt and answer, as in CTRL (arXiv:1909.05858) and Transformers'
    RepetitionPenaltyLogitsProcessor. Then presence and frequency, on generated tokens only, as OpenAI's API reference
    defines them; Transformers has neither. vLLM's `apply_penalties` uses the same order.
    """
    tokens, generated = array("q"), array("q")
    lengths: list[int] = []
    settings: list[tuple[float, float, float]] = []
    for row in rows:
        if row is None:
            lengths.append(0)
            settings.append((1.0, 0.0, 0.0))
        else:
            tokens.extend(row.tokens)
            generated.extend(row.generated)
            lengths.append(len(row.tokens))
            settings.append((row.repetition, row.presence, row.frequency))
    if not tokens:
        return
    counts = torch.tensor(lengths)
    times = torch.frombuffer(generated, dtype=torch.int64)
    repetition, presence, frequency = torch.tensor(settings).repeat_interleave(counts, dim=0).unbind(1)
    taken = presence * (times > 0) + frequency * times
    starts = torch.arange(len(lengths)).repeat_interleave(counts) * scores.shape[1]
    places = (starts + torch.frombuffer(tokens, dtype=torch.int64)).to(scores.device)
    _change(scores.view(-1), places, repetition.to(scores.device), taken.to(scores.device))


def _change(
    scores: torch.Tensor, places: torch.Tensor, repetition: torch.Tensor, taken: torch.Tensor
) -> None:
    before = scores[places]
    scores[places] = torch.where(before < 0, before * repetition, before / repetition) - taken
