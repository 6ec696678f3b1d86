"""Choose each document's next token from the model's logits, by the document's own parameters."""

from collections import defaultdict
from collections.abc import Sequence

import torch

from qwenq.worker.engines.transformers.choosing.blocks import fall, highest
from qwenq.worker.engines.transformers.choosing.masking import rule_out
from qwenq.worker.engines.transformers.choosing.penalties import penalise
from qwenq.worker.engines.transformers.choosing.warping import Recipe, shortlist, warped_probabilities
from qwenq.worker.engines.transformers.request_state import RequestState

NO_NUMBER = -1
ROWS_SORTED = 16  # at once: sorting a vocabulary takes several times the memory of its logits


def pick_tokens(logits: torch.Tensor, rows: Sequence[RequestState]) -> list[int | None]:
    """Choose the next token of each row; None where the model computed no number.

    `logits` are rows x vocabulary. A row's choice depends on its own logits, parameters, tokens and seed only. What is
    forced on a row is its choice.
    """
    penalised = any(row.penalties is not None for row in rows)
    scores = logits.to(torch.float32, copy=penalised)
    if penalised:
        penalise(scores, [row.penalties for row in rows])
    scores = rule_out(scores, rows)
    best, tokens = highest(scores)
    for recipe, members in _sampled(rows).items():
        where = torch.tensor(members, device=scores.device)
        mine = scores if len(members) == len(rows) else scores.index_select(0, where)
        tokens[where] = _draw(mine, recipe, [rows[i] for i in members])
    picked: list[int] = tokens.where(best.isfinite(), NO_NUMBER).tolist()
    return [
        None if token == NO_NUMBER else row.forced[0] if row.forced else token
        for token, row in zip(picked, rows, strict=True)
    ]


def _sampled(rows: Sequence[RequestState]) -> dict[Recipe, list[int]]:
    """Group the rows that sample, so that one pass over the vocabulary serves all that agree."""
    groups: dict[Recipe, list[int]] = defaultdict(list)
    for index, row in enumerate(rows):
        if row.randomness is not None and not row.forced:
            groups[Recipe.of(row.params)].append(index)
    return groups


def _draw(scores: torch.Tensor, recipe: Recipe, rows: Sequence[RequestState]) -> torch.Tensor:
    """Draw one token a row, with its own random number."""
    numbers = torch.cat([torch.rand(1, generator=row.randomness, dtype=torch.float64) for row in rows])
    few = shortlist(scores, recipe)
    if few is None:
        return fall(warped_probabilities(scores, recipe), numbers)
    drawn = few.tokens.gather(1, fall(few.probabilities, numbers).unsqueeze(1)).squeeze(1)
    if not few.complete.all():
        # Row by row: which way a row goes must not depend on its neighbours.
        wanting = (~few.complete).nonzero().squeeze(1)
        for start in range(0, len(wanting), ROWS_SORTED):
            others = wanting[start : start + ROWS_SORTED]
            drawn[others] = fall(warped_probabilities(scores[others], recipe), numbers[others.cpu()])
    return drawn
