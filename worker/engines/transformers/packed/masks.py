"""What a model's layers see, read from the masks that it asks Transformers for."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from transformers import AttentionMaskInterface

FARTHEST = 2**17  # tokens: no rule of a mask begins later
BESIDE = (-1, 0, 1)


@dataclass(frozen=True, slots=True)
class PackedMask:
    """A mask that is not computed: a token sees its own column and at most `window` in all; None sees all before it.

    `seen` is Transformers' rule: batch row, head, query and key places to whether the query sees the key.
    """

    window: int | None
    seen: Callable[[int, int, torch.Tensor, torch.Tensor], torch.Tensor]

    def check(self) -> None:
        """Raise TypeError unless `seen` is the rule of the window, near and far. For a pass with one sequence only."""
        queries = torch.tensor(sorted(set(self._places())))
        query, key = queries.unsqueeze(1), queries.unsqueeze(0)
        wanted = key <= query
        if self.window is not None:
            wanted &= key > query - self.window
        if not bool((torch.as_tensor(self.seen(0, 0, query, key)) == wanted).all()):
            raise TypeError("its layers see other columns than a window's")

    def _places(self) -> Iterator[int]:
        """Yield places on both sides of each border that a mask may have."""
        place = 1
        while place <= FARTHEST:
            yield from (place + beside for beside in BESIDE)
            if self.window is not None:
                yield from (place + self.window + beside for beside in BESIDE)
            place *= 2
        for windows in (1, 2, 3):
            yield from (windows * (self.window or 0) + beside + 1 for beside in BESIDE)


def describe_mask(
    *, mask_function: Callable[..., torch.Tensor], local_size: int | None = None, **_: Any
) -> PackedMask:
    """Take the place of Transformers' functions that compute masks."""
    return PackedMask(local_size, mask_function)


def window_of(mask: object, module: torch.nn.Module, sliding_window: int | None) -> int | None:
    """Return the window of a layer: that of its mask, which is what the model's own attention obeys.

    Raises TypeError if the model made a mask by itself.
    """
    if isinstance(mask, PackedMask):
        return mask.window
    if mask is not None or sliding_window is not None:
        raise TypeError(f"{type(module).__name__} makes its masks by itself")
    return None


def register_masks(name: str) -> None:
    """Let models ask for masks of this attention."""
    AttentionMaskInterface.register(name, describe_mask)
