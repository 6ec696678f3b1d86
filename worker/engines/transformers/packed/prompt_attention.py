"""Prefill attention: each piece of a prompt attends to the tokens before it and to itself."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import torch
from torch.nn.functional import scaled_dot_product_attention

from qwenq.worker.engines.transformers.packed.causal_softmax import CausalSoftmax, visible
from qwenq.worker.engines.transformers.packed.prefix import Prefix

MOST_QUERIES = 1_024
MOST_SCORES = 2**22  # for each head, at once


@dataclass(slots=True)
class Piece:
    """Tokens of one prompt, in columns from `start` on of each layer's `keys` and `values`.

    `prefix`, if any, is the part of the prompt before these columns.
    """

    ids: Sequence[int]
    start: int
    keys: Sequence[torch.Tensor]
    values: Sequence[torch.Tensor]
    prefix: Prefix | None
    _masks: dict[tuple[int, int | None], torch.Tensor] = field(default_factory=dict)

    @property
    def end(self) -> int:
        """The column after its last token."""
        return self.start + len(self.ids)

    @property
    def before(self) -> int:
        """How many tokens of the prompt come before the piece."""
        return self.start + (len(self.prefix) if self.prefix is not None else 0)

    def store(self, layer: int, key: torch.Tensor, value: torch.Tensor) -> None:
        """Store the piece's keys and values, heads x tokens x size."""
        self.keys[layer][:, self.start : self.end] = key
        self.values[layer][:, self.start : self.end] = value

    def columns(self, layer: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the keys and values that the piece attends to, including its own."""
        keys, values = self.keys[layer][:, : self.end], self.values[layer][:, : self.end]
        if self.prefix is None:
            return keys, values
        shared = self.prefix.keys[layer], self.prefix.values[layer]
        return torch.cat([shared[0], keys], dim=1), torch.cat([shared[1], values], dim=1)

    def mask(self, first: int, queries: int, window: int | None, device: torch.device) -> torch.Tensor:
        """Return which columns tokens `first` to `first + queries` see: up to their own, at most `window`."""
        if (first, window) not in self._masks:
            self._masks[first, window] = visible(queries, self.before + first, window, device)
        return self._masks[first, window]


@dataclass(frozen=True, slots=True)
class PromptAttention:
    """Prefill attention of one layer. On a CPU, `softmax` turns scores into weights."""

    scaling: float
    window: int | None
    softmax: CausalSoftmax

    def attend(
        self, pieces: Sequence[Piece], layer: int, packed: tuple[torch.Tensor, torch.Tensor, torch.Tensor]
    ) -> list[torch.Tensor]:
        """Store all pieces, then attend for each: tokens x heads x size.

        `packed` are queries, keys and values of all pieces in a row: heads x tokens x size. A piece may read a prefix
        that an earlier piece of the same pass has just stored.
        """
        lengths = [len(piece.ids) for piece in pieces]
        queries, keys, values = (torch.split(tensor, lengths, dim=1) for tensor in packed)
        for piece, key, value in zip(pieces, keys, values, strict=True):
            piece.store(layer, key, value)
        attend = self._attend if queries[0].device.type != "cpu" else self._attend_folded
        return [
            part
            for piece, query in zip(pieces, queries, strict=True)
            for part in attend(piece, query, *piece.columns(layer))
        ]

    def _attend(
        self, piece: Piece, query: torch.Tensor, keys: torch.Tensor, values: torch.Tensor
    ) -> Iterable[torch.Tensor]:
        """Attend with PyTorch's own attention, masked if needed."""
        if not piece.before and self.window is None:
            yield self._masked(None, query, keys, values)
            return
        for start, block in _blocks(query, keys.shape[1]):
            mask = piece.mask(start, block.shape[1], self.window, block.device)
            seen = mask.shape[1]
            yield self._masked(mask, block, keys[:, :seen], values[:, :seen])

    def _masked(
        self, mask: torch.Tensor | None, query: torch.Tensor, keys: torch.Tensor, values: torch.Tensor
    ) -> torch.Tensor:
        mixed = scaled_dot_product_attention(
            query.unsqueeze(0),
            keys.unsqueeze(0),
            values.unsqueeze(0),
            attn_mask=mask,
            is_causal=mask is None,
            scale=self.scaling,
            enable_gqa=True,
        )
        return mixed[0].transpose(0, 1)

    def _attend_folded(
        self, piece: Piece, query: torch.Tensor, keys: torch.Tensor, values: torch.Tensor
    ) -> Iterable[torch.Tensor]:
        """Attend with matrix products, which are faster on a CPU. Query heads are folded into rows."""
        for start, block in _blocks(query, keys.shape[1]):
            heads, tokens, size = block.shape
            before = piece.before + start
            folded = (block * self.scaling).reshape(len(keys), -1, size)
            scores = torch.matmul(folded, keys[:, : before + tokens].transpose(1, 2))
            weights = self.softmax(scores, tokens, before, self.window)
            mixed = torch.matmul(weights, values[:, : before + tokens])
            yield mixed.view(heads, tokens, size).transpose(0, 1)


def _blocks(query: torch.Tensor, columns: int) -> Iterable[tuple[int, torch.Tensor]]:
    """Cut queries, heads x tokens x size, so that their scores over this many columns need little memory."""
    most = max(1, min(MOST_QUERIES, MOST_SCORES // columns))
    return ((start, query[:, start : start + most]) for start in range(0, query.shape[1], most))
