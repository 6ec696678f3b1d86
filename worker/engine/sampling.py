"""Choose each document's next token from the model's logits, by the document's own parameters."""

from collections import defaultdict
from collections.abc import Sequence as Listed

import torch
from transformers import (
    LogitsProcessorList,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

from schemas.generation import GenerationParams
from worker.engine.sequence import Sequence

Recipe = tuple[float, int, float]  # temperature, top-k, top-p


def pick_tokens(logits: torch.Tensor, rows: Listed[Sequence]) -> list[int | None]:
    """Choose the next token of each row; None where the model computed no number.

    `logits` are rows x vocabulary. A row's choice depends on its own logits, parameters and seed only.
    """
    best, tokens = logits.max(dim=-1)  # a NaN anywhere in a row is its maximum
    for recipe, members in _by_recipe(rows).items():
        tokens[members] = _draw(logits[members], recipe, [rows[i] for i in members])
    picked: list[int] = tokens.tolist()
    sound: list[bool] = best.isfinite().tolist()
    return [token if good else None for token, good in zip(picked, sound, strict=True)]


def warped_probabilities(logits: torch.Tensor, recipe: Recipe) -> torch.Tensor:
    """Apply temperature, top-k and top-p as Transformers does, and give probabilities in float32."""
    temperature, top_k, top_p = recipe
    # Shifted first: the same probabilities, and a tiny temperature cannot overflow.
    scores = logits.float() - logits.max(dim=-1, keepdim=True).values.float()
    warpers = LogitsProcessorList([TemperatureLogitsWarper(float(temperature))])
    if top_k:
        warpers.append(TopKLogitsWarper(top_k))
    if top_p < 1:
        warpers.append(TopPLogitsWarper(top_p))
    no_tokens = torch.LongTensor()  # these warpers read none
    warped: torch.Tensor = warpers(no_tokens, scores)
    return warped.softmax(dim=-1)


def _by_recipe(rows: Listed[Sequence]) -> dict[Recipe, list[int]]:
    """Group the rows that sample, so that one pass over the vocabulary serves all that agree."""
    groups: dict[Recipe, list[int]] = defaultdict(list)
    for index, row in enumerate(rows):
        if row.params.temperature > 0:
            groups[_recipe(row.params)].append(index)
    return groups


def _recipe(params: GenerationParams) -> Recipe:
    return params.temperature, params.top_k, params.top_p


def _draw(logits: torch.Tensor, recipe: Recipe, rows: Listed[Sequence]) -> torch.Tensor:
    """Draw one token a row: where the row's random number falls in its cumulated probabilities."""
    probabilities = warped_probabilities(logits, recipe)
    if probabilities.device.type == "mps":  # it has no float64, which long vocabularies need here
        probabilities = probabilities.cpu()
    steps = probabilities.double().cumsum(dim=-1)
    numbers = torch.cat([torch.rand(1, generator=row.randomness, dtype=torch.float64) for row in rows])
    targets = numbers.to(steps.device).unsqueeze(1) * steps[:, -1:]
    drawn = torch.searchsorted(steps, targets, right=True).squeeze(1)
    return drawn.clamp(max=logits.shape[-1] - 1).to(logits.device)
