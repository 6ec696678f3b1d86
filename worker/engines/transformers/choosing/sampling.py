"""Chooses each row's next token from its logits, by its own parameters."""

from collections import defaultdict
from collections.abc import Sequence

import torch

from qwenq.worker.engines.transformers.choosing.blocks import fall, highest
from qwenq.worker.engines.transformers.choosing.masking import rule_out
from qwenq.worker.engines.transformers.choosing.penalties import penalise
from qwenq.worker.engines.transformers.choosing.warping import Recipe, shortlist, warped_probabilities
from qwenq.worker.engines.transformers.request_state import RequestState

NO_NUMBER = -1
ROWS_SORTED = 16  # at once: sorting takes several times the memory of the logits


def pick_tokens(logits: torch.Tensor, rows: Sequence[RequestState]) -> list[int | None]:
    """Choose the next token of each row; None if its logits are NaN or infinite.

    `logits` are rows x vocabulary. A choice depends only on the row's own logits, parameters, tokens and seed. A forced
    token is always chosen.
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
    """Group sampling rows by recipe: one pass over the vocabulary serves a group."""
    groups: dict[Recipe, list[int]] = defaultdict(list)
    for index, row in enumerate(rows):
        if row.randomness is not None and not row.forced:
            groups[Recipe.of(row.params)].append(index)
    return groups


def _draw(scores: torch.Tensor, recipe: Recipe, rows: Sequence[RequestState]) -> torch.Tensor:
    """Draw a token for each row, with the row's own random number."""
    numbers = torch.cat([torch.rand(1, generator=row.randomness, dtype=torch.float64) for row in rows])
    few = shortlist(scores, recipe)
    if few is None:
        return fall(warped_probabilities(scores, recipe), numbers)
    drawn = few.tokens.gather(1, fall(few.probabilities, numbers).unsqueeze(1)).squeeze(1)
    if not few.complete.all():
        # Decided for each row: its way must not depend on other rows.
        incomplete = (~few.complete).nonzero().squeeze(1)
        for start in range(0, len(incomplete), ROWS_SORTED):
            others = incomplete[start : start + ROWS_SORTED]
            drawn[others] = fall(warped_probabilities(scores[others], recipe), numbers[others.cpu()])
    return drawn
