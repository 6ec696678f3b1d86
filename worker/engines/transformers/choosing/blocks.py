"""Maximum, top-k and cumulated sum over a vocabulary in two steps: over blocks, then inside the block found.

On a CPU, one step over a hundred thousand columns takes up to a hundred times as long.
"""

import torch
from torch.nn import functional

BLOCK = 128
ALMOST = 1 - 1e-12  # share of a sum: a target below it never falls on a zero


def highest(scores: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return each row's best score and its token, the first of equals. A NaN counts as the best."""
    blocks = _blocks(scores, -torch.inf)
    tops = blocks.amax(dim=-1)
    block = tops.argmax(dim=-1)
    rows = torch.arange(len(scores), device=scores.device)
    return tops[rows, block], block * BLOCK + blocks[rows, block].argmax(dim=-1)


def likeliest(scores: torch.Tensor, count: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return each row's `count` best scores, best first, and their tokens. These lie in at most `count` blocks."""
    blocks = _blocks(scores, -torch.inf)
    if 2 * count > blocks.shape[1]:
        best, tokens = scores.topk(count, dim=-1)
        return best, tokens
    which = blocks.amax(dim=-1).topk(count, dim=-1).indices
    inside = blocks.gather(1, which.unsqueeze(-1).expand(-1, -1, BLOCK)).flatten(1)
    best, places = inside.topk(count, dim=-1)
    return best, which.gather(1, places // BLOCK) * BLOCK + places % BLOCK


def fall(probabilities: torch.Tensor, numbers: torch.Tensor) -> torch.Tensor:
    """Return the column where each row's number, from 0 to 1, falls in its cumulated probabilities; never a zero.

    `numbers` are float64, one a row.
    """
    device = probabilities.device
    if device.type == "mps":  # it has no float64, which long vocabularies need
        probabilities = probabilities.cpu()
    blocks = _blocks(probabilities, 0)
    sums = blocks.sum(dim=-1).double().cumsum(dim=-1)
    targets = numbers.to(sums.device).clamp(max=ALMOST) * sums[:, -1]
    block = _first_above(sums, targets)
    rows = torch.arange(len(sums), device=sums.device)
    steps = blocks[rows, block].double().cumsum(dim=-1)
    rest = targets - functional.pad(sums, (1, 0))[rows, block]
    inside = _first_above(steps, torch.minimum(rest, steps[:, -1] * ALMOST))
    return (block * BLOCK + inside).to(device)


def _blocks(scores: torch.Tensor, filler: float) -> torch.Tensor:
    """Reshape to rows x blocks x columns, padding the last block."""
    missing = -scores.shape[-1] % BLOCK
    if missing:
        scores = functional.pad(scores, (0, missing), value=filler)
    return scores.reshape(*scores.shape[:-1], scores.shape[-1] // BLOCK, BLOCK)


def _first_above(sums: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Return each row's first column whose sum is above its target; the last column if the sums are NaN."""
    found = torch.searchsorted(sums, targets.unsqueeze(1), right=True).squeeze(1)
    return found.clamp(max=sums.shape[-1] - 1)
