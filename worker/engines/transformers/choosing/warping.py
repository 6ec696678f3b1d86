"""Turns logits into probabilities: temperature, top-k, top-p, min-p."""

from typing import NamedTuple, Self

import torch
from transformers import (
    LogitsProcessorList,
    MinPLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

from qwenq.schemas.generation import GenerationParams
from qwenq.worker.engines.transformers.choosing.blocks import likeliest

SHORTLIST = 256
SPARE = 32  # for tokens that tie with the last of the top-k: all of them stay
LEAST_TEMPERATURE = torch.finfo(torch.float32).tiny


class Recipe(NamedTuple):
    """How a row's tokens are drawn. Temperature 0 picks the best."""

    temperature: float
    top_k: int
    top_p: float
    min_p: float

    @classmethod
    def of(cls, params: GenerationParams) -> Self:
        """Copy the parameters that matter. Those that are still open change nothing."""
        top_p = 1.0 if params.top_p is None else params.top_p
        return cls(params.temperature or 0.0, params.top_k or 0, top_p, params.min_p or 0.0)


class Shortlist(NamedTuple):
    """The likeliest tokens of each row with their probabilities, in the vocabulary's order: rows x candidates.

    `complete` says for each row whether all other tokens have probability zero.
    """

    tokens: torch.Tensor
    probabilities: torch.Tensor
    complete: torch.Tensor


def warped_probabilities(logits: torch.Tensor, recipe: Recipe) -> torch.Tensor:
    """Apply temperature, then Transformers' own warpers in the order of its `generate`.

    `logits` and the result are float32, rows x vocabulary.
    """
    warpers = LogitsProcessorList()
    if recipe.top_k:
        warpers.append(TopKLogitsWarper(recipe.top_k))
    if recipe.top_p < 1:
        warpers.append(TopPLogitsWarper(recipe.top_p))
    if recipe.min_p:
        warpers.append(MinPLogitsWarper(recipe.min_p))
    no_tokens = torch.LongTensor()  # these warpers ignore it
    warped: torch.Tensor = warpers(no_tokens, _tempered(logits, recipe))
    return warped.softmax(dim=-1)


def shortlist(logits: torch.Tensor, recipe: Recipe) -> Shortlist | None:
    """Compute the same probabilities from the likeliest tokens only; None if the recipe may drop no token.

    Sorting a whole vocabulary for top-p takes far longer than the model's step. This sorts the best few hundred: if the
    last of them is dropped, everything below it is dropped too.
    """
    width = min(recipe.top_k + SPARE if recipe.top_k else SHORTLIST, logits.shape[-1])
    if width > SHORTLIST or (not recipe.top_k and recipe.top_p == 1 and not recipe.min_p):
        return None
    best, tokens = likeliest(logits, width)
    shares = _shares(logits, best, tokens, recipe)
    dropped = shares == 0
    if recipe.top_p < 1:
        dropped |= shares.cumsum(dim=-1) - shares >= recipe.top_p
    if recipe.min_p:
        dropped |= shares < recipe.min_p * shares[:, :1]
    dropped[:, 0] = False
    kept = shares.masked_fill(dropped, 0)
    tokens, order = tokens.sort(dim=-1)
    probabilities = (kept / kept.sum(dim=-1, keepdim=True)).gather(1, order)
    return Shortlist(tokens, probabilities, dropped[:, -1])


def _shares(logits: torch.Tensor, best: torch.Tensor, tokens: torch.Tensor, recipe: Recipe) -> torch.Tensor:
    """Return the candidates' probabilities after temperature and top-k, best first."""
    if recipe.top_p < 1 and not recipe.top_k:  # only then do the other tokens' probabilities matter
        return _tempered(logits, recipe).softmax(dim=-1).gather(1, tokens)
    scores = _tempered(best, recipe)
    if recipe.top_k:
        last = min(recipe.top_k, scores.shape[-1]) - 1
        scores = scores.masked_fill(scores < scores[:, last, None], -torch.inf)
    return scores.softmax(dim=-1)


def _tempered(logits: torch.Tensor, recipe: Recipe) -> torch.Tensor:
    # Shifting keeps the probabilities, and a tiny temperature cannot overflow.
    scores = logits - logits.amax(dim=-1, keepdim=True)
    return scores.div_(max(recipe.temperature, LEAST_TEMPERATURE))
