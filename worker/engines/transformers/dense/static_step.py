"""A step of running documents alone over tensors that stay where they are, so that it can be recorded."""

from dataclasses import dataclass
from typing import NamedTuple, Self

import torch

from qwenq.worker.engines.transformers.dense.forward import DenseForward
from qwenq.worker.engines.transformers.packed.arena import KeyValueArena
from qwenq.worker.engines.transformers.packed.decode_attention import FoldedDecoding
from qwenq.worker.engines.transformers.packed.folded_attention import FoldedAttention, PrefixReaders
from qwenq.worker.engines.transformers.packed.prefix import Prefix
from qwenq.worker.engines.transformers.packed.step import PackedStep

ROWS_TOGETHER = 16
COLUMNS_TOGETHER = 64


class Size(NamedTuple):
    """How many of the arena's slots and columns a step goes over: some more than it has, to serve others too."""

    rows: int
    columns: int

    @classmethod
    def of(cls, decoding: FoldedDecoding) -> Self:
        """Give the size that serves a step, within its arena.

        Rows are a power of two, from 16 on a multiple of 16. Columns are a multiple of 64, or of an eighth of the next
        power of two where that is more: at most a quarter of many are looked at for nothing.
        """
        wanted = 1 + max(row.filled for row in decoding.rows)
        rows = min(1 << (decoding.used - 1).bit_length(), _rounded(decoding.used, ROWS_TOGETHER))
        columns = _rounded(wanted, max(COLUMNS_TOGETHER, 1 << wanted.bit_length() >> 3))
        return cls(min(rows, decoding.arena.slots), min(columns, decoding.arena.columns))


def static_decoding(step: PackedStep) -> FoldedDecoding | None:
    """Give the documents of a step that can run over tensors that stay.

    Each slot in use gets a token, and all read one prefix, or none does. A document that still takes its prompt in
    is so never in a row without a document.
    """
    decoding = step.decoding
    if step.pieces or not isinstance(decoding, FoldedDecoding) or decoding.documents < decoding.used:
        return None
    return decoding if len({row.prefix for row in decoding.rows}) == 1 else None


@dataclass(frozen=True, slots=True)
class StaticStep:
    """The tensors that say what a step of some size is to do; row i is the arena's slot i.

    `inputs` are 4 x rows: tokens, own columns filled, columns seen of the prefix, and whether there is a document.
    """

    size: Size
    inputs: torch.Tensor

    @classmethod
    def of(cls, size: Size, device: torch.device) -> Self:
        """Make the tensors."""
        return cls(size, torch.zeros(4, size.rows, dtype=torch.long, device=device))

    def fill(self, tokens: list[int], decoding: FoldedDecoding) -> None:
        """Say what the next run is to do."""
        decode_rows = decoding.rows
        idle = [0] * (self.size.rows - len(decode_rows))
        filled, shared = [row.filled for row in decode_rows], [row.shared for row in decode_rows]
        rows = (tokens, filled, shared, [1] * len(decode_rows))
        self.inputs.copy_(torch.tensor([row + idle for row in rows]))

    def run(self, dense: DenseForward, arena: KeyValueArena, prefix: Prefix | None) -> torch.Tensor:
        """Take the tokens through the layers: rows x width. Nothing here depends on numbers that Python knows.

        Rows without a document are to be passed over.
        """
        tokens, filled, shared, there = self.inputs.unbind()
        folded = FoldedAttention(
            arena=arena,
            used=self.size.rows,
            slots=torch.arange(self.size.rows, device=self.inputs.device),
            places=filled,
            filled=filled,
            shared=shared,
            columns=self.size.columns,
            longest=len(prefix) if prefix is not None else 0,
            groups=[PrefixReaders(prefix, None)] if prefix is not None else [],
        )
        attention = _SparingAttention(folded, (there == 0).unsqueeze(1))
        return dense.through_layers(tokens, shared + filled, attention)


@dataclass(frozen=True, slots=True)
class _SparingAttention:
    """Keeps noughts where there is no document: `idle` is rows x 1.

    A row without one writes to column 0 of a slot that nobody has, so no slot is ever too full for it. Whoever gets
    the slot writes that column first, by its prompt or as it moves in. Yet what masks hide must be numbers, and what a
    token comes to that reads nothing, or a prefix at fault, may be none.
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
