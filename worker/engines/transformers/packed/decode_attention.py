"""The attention of a step's running documents, one new token each: which way it is computed."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import torch

from qwenq.worker.engines.transformers.packed.arena import CacheShape, KeyValueArena
from qwenq.worker.engines.transformers.packed.decode_row import DecodeRow
from qwenq.worker.engines.transformers.packed.folded_attention import FoldedAttention
from qwenq.worker.engines.transformers.packed.kernel_attention import DecodeKernel


class DecodeAttention(Protocol):
    """The attention of one step's running documents, layer by layer."""

    @property
    def arena(self) -> KeyValueArena:
        """Where their own keys and values lie."""
        ...

    @property
    def rows(self) -> Sequence[DecodeRow]:
        """The documents that get a token."""
        ...

    @property
    def documents(self) -> int:
        """How many get a token."""
        ...

    def attend(
        self,
        layer: int,
        packed: tuple[torch.Tensor, torch.Tensor, torch.Tensor],
        scaling: float,
        window: int | None,
    ) -> torch.Tensor:
        """Keep the newest keys and values, give each document's attention: documents x heads x size.

        `packed` are queries, keys and values: heads x documents x size.
        """
        ...


@dataclass
class FoldedDecoding:
    """A FoldedAttention that the first layer makes: a pass that is replayed needs none."""

    arena: KeyValueArena
    used: int
    rows: Sequence[DecodeRow]

    @property
    def documents(self) -> int:
        """How many get a token."""
        return len(self.rows)

    def attend(
        self,
        layer: int,
        packed: tuple[torch.Tensor, torch.Tensor, torch.Tensor],
        scaling: float,
        window: int | None,
    ) -> torch.Tensor:
        """Attend, as FoldedAttention does."""
        return self._folded.attend(layer, packed, scaling, window)

    @cached_property
    def _folded(self) -> FoldedAttention:
        return FoldedAttention.of(self.arena, self.used, self.rows)


class Decoding:
    """Makes them: by a kernel in C on a CPU with a compiler, else by PyTorch's operations."""

    def __init__(self, shape: CacheShape) -> None:
        self._kernel = DecodeKernel.compiled(shape)

    def of(self, arena: KeyValueArena, used: int, rows: Sequence[DecodeRow]) -> DecodeAttention:
        """Lay the rows of one step out; the arena's first `used` slots are in use."""
        if self._kernel is not None:
            return self._kernel.attention(arena, rows)
        return FoldedDecoding(arena, used, rows)
