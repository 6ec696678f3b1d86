"""A decode step over tensors that keep their addresses, so that it can be recorded."""

from dataclasses import dataclass
from typing import NamedTuple, Self

import torch

from qwenq.worker.engines.transformers.dense.forward import DenseForward
from qwenq.worker.engines.transformers.packed.decode_attention import FoldedDecoding
from qwenq.worker.engines.transformers.packed.folded_attention import FoldedAttention, PrefixReaders
from qwenq.worker.engines.transformers.packed.kv_cache import KVCache
from qwenq.worker.engines.transformers.packed.prefix import Prefix
from qwenq.worker.engines.transformers.packed.step import PackedStep

ROWS_TOGETHER = 16
COLUMNS_TOGETHER = 64


class Size(NamedTuple):
    """How many slots and columns of the cache a step covers: more than it needs, so that other steps fit too."""

    rows: int
    columns: int

    @classmethod
    def of(cls, decoding: FoldedDecoding) -> Self:
        """Choose the size of a step, within its cache.

        Rows are a power of two, from 16 on a multiple of 16. Columns are a multiple of 64, or of an eighth of the next
        power of two if that is more: at most a quarter of many columns is computed in vain.
        """
        wanted = 1 + max(row.filled for row in decoding.rows)
        rows = min(1 << (decoding.used - 1).bit_length(), _rounded(decoding.used, ROWS_TOGETHER))
        columns = _rounded(wanted, max(COLUMNS_TOGETHER, 1 << wanted.bit_length() >> 3))
        return cls(min(rows, decoding.cache.slots), min(columns, decoding.cache.columns))


def static_decoding(step: PackedStep) -> FoldedDecoding | None:
    """Return the decoding rows of a step that can be recorded; None if it cannot.

    Each slot in use must get a token, and all must read the same prefix or none. So no idle row belongs to a document
    in prefill.
    """
    decoding = step.decoding
    if step.pieces or not isinstance(decoding, FoldedDecoding) or decoding.documents < decoding.used:
        return None
    return decoding if len({row.prefix for row in decoding.rows}) == 1 else None


@dataclass(frozen=True, slots=True)
class StaticStep:
    """The input tensor of steps of one size; row i is the cache's slot i.

    `inputs` are 4 x rows: tokens, own columns filled, columns of the prefix, and whether there is a document.
    """

    size: Size
    inputs: torch.Tensor

    @classmethod
    def of(cls, size: Size, device: torch.device) -> Self:
        """Allocate the tensor."""
        return cls(size, torch.zeros(4, size.rows, dtype=torch.long, device=device))

    def fill(self, tokens: list[int], decoding: FoldedDecoding) -> None:
        """Set the inputs of the next run."""
        decode_rows = decoding.rows
        idle = [0] * (self.size.rows - len(decode_rows))
        filled, shared = [row.filled for row in decode_rows], [row.shared for row in decode_rows]
        rows = (tokens, filled, shared, [1] * len(decode_rows))
        self.inputs.copy_(torch.tensor([row + idle for row in rows]))

    def run(self, dense: DenseForward, cache: KVCache, prefix: Prefix | None) -> torch.Tensor:
        """Pass the tokens through the layers: rows x width. Python decides nothing by the inputs' values.

        Ignore the outputs of rows without a document.
        """
        tokens, filled, shared, there = self.inputs.unbind()
        folded = FoldedAttention(
            cache=cache,
            used=self.size.rows,
            slots=torch.arange(self.size.rows, device=self.inputs.device),
            places=filled,
            filled=filled,
            shared=shared,
            columns=self.size.columns,
            longest=len(prefix) if prefix is not None else 0,
            groups=[PrefixReaders(prefix, None)] if prefix is not None else [],
        )
        attention = _IdleAwareAttention(folded, (there == 0).unsqueeze(1))
        return dense.through_layers(tokens, shared + filled, attention)


@dataclass(frozen=True, slots=True)
class _IdleAwareAttention:
    """Stores zeros for idle rows: `idle` is rows x 1.

    An idle row writes to column 0 of a free slot. The next document there overwrites that column, with its prompt or
    when it moves in. But masked columns must be numbers too, and an idle row may compute NaN.
    """

    folded: FoldedAttention
    idle: torch.Tensor

    def attend(
        self,
        layer: int,
        packed: tuple[torch.Tensor, torch.Tensor, torch.Tensor],
        scaling: float,
        window: int | None,
    ) -> torch.Tensor:
        """Attend, as FoldedAttention does."""
        query, key, value = packed
        kept = key.masked_fill(self.idle, 0), value.masked_fill(self.idle, 0)
        return self.folded.attend(layer, (query, *kept), scaling, window)


def _rounded(count: int, unit: int) -> int:
    return -(-count // unit) * unit
