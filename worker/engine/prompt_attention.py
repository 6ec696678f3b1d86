"""Attention for pieces of prompts: each piece looks at what came before it in its document, and at itself."""

from collections.abc import Sequence as Listed
from dataclasses import dataclass, field

import torch
from torch.nn.functional import scaled_dot_product_attention

from worker.engine.prefix import Prefix

MOST_QUERIES = 1_024  # at once under a mask, which takes queries x columns


@dataclass(slots=True)
class Piece:
    """Tokens of one prompt, in columns `start` and on of `keys` and `values`, which are by layer.

    `prefix` comes before these columns: the part of the prompt that lies elsewhere, None for none.
    """

    ids: Listed[int]
    start: int
    keys: Listed[torch.Tensor]
    values: Listed[torch.Tensor]
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
        """Keep the piece's keys and values, heads x tokens x size."""
        self.keys[layer][:, self.start : self.end] = key
        self.values[layer][:, self.start : self.end] = value

    def columns(self, layer: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Give the keys and values that the piece looks at, itself included."""
        keys, values = self.keys[layer][:, : self.end], self.values[layer][:, : self.end]
        if self.prefix is None:
            return keys, values
        shared = self.prefix.keys[layer], self.prefix.values[layer]
        return torch.cat([shared[0], keys], dim=1), torch.cat([shared[1], values], dim=1)

    def mask(self, first: int, queries: int, window: int | None, device: torch.device) -> torch.Tensor:
        """Say which columns tokens `first` to `first + queries` see: up to their own, at most `window` of them."""
        if (first, window) not in self._masks:
            before = self.before + first
            seen = torch.ones(queries, before + queries, dtype=torch.bool, device=device).tril(before)
            self._masks[first, window] = seen if window is None else seen.triu(before - window + 1)
        return self._masks[first, window]


def attend_pieces(
    pieces: Listed[Piece],
    layer: int,
    packed: tuple[torch.Tensor, torch.Tensor, torch.Tensor],
    scaling: float,
    window: int | None,
) -> list[torch.Tensor]:
    """Store all pieces, then attend for each: tokens x heads x size.

    `packed` are queries, keys and values of all pieces in a row: heads x tokens x size. A piece may look at a
    prefix that an earlier piece of the same pass has just written.
    """
    lengths = [len(piece.ids) for piece in pieces]
    queries, keys, values = (torch.split(tensor, lengths, dim=1) for tensor in packed)
    for piece, key, value in zip(pieces, keys, values, strict=True):
        piece.store(layer, key, value)
    outputs = []
    for piece, query in zip(pieces, queries, strict=True):
        outputs += _attend(piece, query, piece.columns(layer), scaling, window)
    return outputs


def _attend(
    piece: Piece,
    query: torch.Tensor,
    columns: tuple[torch.Tensor, torch.Tensor],
    scaling: float,
    window: int | None,
) -> list[torch.Tensor]:
    keys, values = (tensor.unsqueeze(0) for tensor in columns)
    if not piece.before and window is None:
        whole = scaled_dot_product_attention(
            query.unsqueeze(0), keys, values, is_causal=True, scale=scaling, enable_gqa=True
        )
        return [whole[0].transpose(0, 1)]
    outputs = []
    for start in range(0, query.shape[1], MOST_QUERIES):
        block = query[:, start : start + MOST_QUERIES].unsqueeze(0)
        mask = piece.mask(start, block.shape[2], window, query.device)
        seen = mask.shape[1]
        if query.device.type == "cpu":
            outputs.append(_attend_folded(block[0], keys[0, :, :seen], values[0, :, :seen], mask, scaling))
            continue
        part = scaled_dot_product_attention(
            block, keys[:, :, :seen], values[:, :, :seen], attn_mask=mask, scale=scaling, enable_gqa=True
        )
        outputs.append(part[0].transpose(0, 1))
    return outputs


def _attend_folded(
    query: torch.Tensor, keys: torch.Tensor, values: torch.Tensor, mask: torch.Tensor, scaling: float
) -> torch.Tensor:
    """The same in plain products, which a CPU does in two thirds of the time: query heads folded into rows."""
    heads, tokens, size = query.shape
    folded = (query * scaling).reshape(len(keys), -1, size)
    hidden = torch.zeros(mask.shape, dtype=query.dtype, device=query.device).masked_fill_(
        ~mask, float("-inf")
    )
    scores = torch.matmul(folded, keys.transpose(1, 2)).view(len(keys), -1, *mask.shape).add_(hidden)
    mixed = torch.matmul(scores.softmax(-1).view(len(keys), -1, mask.shape[1]), values)
    return mixed.view(heads, tokens, size).transpose(0, 1)
