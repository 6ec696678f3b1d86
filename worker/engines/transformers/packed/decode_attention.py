"""The attention of a step's decoding rows, one new token each: in C or in PyTorch."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import torch

from qwenq.worker.engines.transformers.packed.decode_row import DecodeRow
from qwenq.worker.engines.transformers.packed.folded_attention import FoldedAttention
from qwenq.worker.engines.transformers.packed.kernel_attention import DecodeKernel
from qwenq.worker.engines.transformers.packed.kv_cache import CacheShape, KVCache


class DecodeAttention(Protocol):
    """The attention of one step's decoding rows, layer by layer."""

    @property
    def cache(self) -> KVCache:
        """The cache of their own keys and values."""
        ...

    @property
    def rows(self) -> Sequence[DecodeRow]:
        """The rows that get a token."""
        ...

    @property
    def documents(self) -> int:
        """How many rows get a token."""
        ...

    def attend(
        self,
        layer: int,
        packed: tuple[torch.Tensor, torch.Tensor, torch.Tensor],
        scaling: float,
        window: int | None,
    ) -> torch.Tensor:
        """Store the new keys and values; return each row's attention: rows x heads x size.

        `packed` are queries, keys and values: heads x rows x size.
        """
        ...


@dataclass
class FoldedDecoding:
    """A FoldedAttention, made by the first layer. A replayed pass needs none."""

    cache: KVCache
    used: int
    rows: Sequence[DecodeRow]

    @property
    def documents(self) -> int:
        """How many rows get a token."""
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
        return FoldedAttention.of(self.cache, self.used, self.rows)


class Decoding:
    """Makes each step's DecodeAttention: a C kernel on a CPU with a compiler, else PyTorch's operations."""

    def __init__(self, shape: CacheShape) -> None:
        self._kernel = DecodeKernel.compiled(shape)

    def of(self, cache: KVCache, used: int, rows: Sequence[DecodeRow]) -> DecodeAttention:
        """Prepare one step's rows. The cache's first `used` slots are in use."""
        if self._kernel is not None:
            return self._kernel.attention(cache, rows)
        return FoldedDecoding(cache, used, rows)
