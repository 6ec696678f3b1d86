"""Decode attention in PyTorch: over a shared prefix, then over each row's own columns.

The query heads of one key-value head are the rows of one small matrix product. A shared prefix is read once for all of
its rows, as in Hydragen (Juravsky et al., 2024).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Self

import torch

from qwenq.worker.engines.transformers.packed.decode_row import DecodeRow
from qwenq.worker.engines.transformers.packed.kv_cache import KVCache
from qwenq.worker.engines.transformers.packed.prefix import Prefix

TIGHT = 0.75  # if this many columns are used, computing the others costs less than copying


@dataclass(frozen=True, slots=True)
class PrefixReaders:
    """The slots that read one prefix. `slots` is None for all slots in use: nothing is gathered then."""

    prefix: Prefix
    slots: torch.Tensor | None

    def scores(self, layer: int, query: torch.Tensor) -> torch.Tensor:
        """Multiply their queries with the prefix's keys: slots x heads x group x tokens."""
        mine = query if self.slots is None else query[self.slots]
        return _by_row(torch.matmul(_by_head(mine), self.prefix.keys[layer].transpose(1, 2)), query)

    def mix(self, layer: int, weights: torch.Tensor, mixed: torch.Tensor) -> None:
        """Add the weighted values of the prefix to `mixed`."""
        weights = weights[..., : len(self.prefix)]
        mine = weights if self.slots is None else weights[self.slots]
        shared = _by_row(torch.matmul(_by_head(mine), self.prefix.values[layer]), mixed)
        if self.slots is None:
            mixed += shared
        else:
            mixed[self.slots] += shared


@dataclass(slots=True)
class FoldedAttention:
    """The attention of one step, layer by layer, over the cache's first `used` slots.

    `slots` get a token; results of other slots, which are still in prefill, are discarded. `places` are the columns of
    the new tokens. `filled` and `shared` count the columns that each used slot sees: its own before this token, and the
    prefix's.
    """

    cache: KVCache
    used: int
    slots: torch.Tensor
    places: torch.Tensor
    filled: torch.Tensor
    shared: torch.Tensor
    columns: int
    longest: int
    groups: list[PrefixReaders]
    _masks: dict[int | None, torch.Tensor] = field(default_factory=dict)

    @classmethod
    def of(cls, cache: KVCache, used: int, rows: Sequence[DecodeRow]) -> Self:
        """Prepare the rows, those of one prefix together."""
        device = cache.keys[0].device
        filled, shared = [0] * used, [0] * used
        members: dict[Prefix, list[int]] = {}
        for row in rows:
            filled[row.slot], shared[row.slot] = row.filled, row.shared
            if row.prefix is not None:
                members.setdefault(row.prefix, []).append(row.slot)
        return cls(
            cache=cache,
            used=used,
            slots=torch.tensor([row.slot for row in rows], device=device),
            places=torch.tensor([row.filled for row in rows], device=device),
            filled=torch.tensor(filled, device=device),
            shared=torch.tensor(shared, device=device),
            columns=max(filled) + 1,
            longest=max(shared),
            groups=[
                PrefixReaders(prefix, None if len(slots) == used else torch.tensor(slots, device=device))
                for prefix, slots in members.items()
            ],
        )

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
        query, key, value = packed
        self.cache.keys[layer][self.slots, :, self.places] = key.transpose(0, 1)
        self.cache.values[layer][self.slots, :, self.places] = value.transpose(0, 1)
        return self._attend(layer, query * scaling, window)

    def _attend(self, layer: int, query: torch.Tensor, window: int | None) -> torch.Tensor:
        keys, values = self._own(self.cache.keys[layer]), self._own(self.cache.values[layer])
        folded = self._spread(
            query.transpose(0, 1).reshape(len(self.slots), keys.shape[1], -1, query.shape[2])
        )
        own = torch.matmul(folded, keys.transpose(2, 3))
        scores = self._with_shared(layer, folded, own).add_(self._mask(window, own.shape[3]))
        weights = scores.softmax(-1)
        mixed = torch.matmul(weights[..., self.longest :], values)
        for group in self.groups:
            group.mix(layer, weights, mixed)
        if len(self.slots) < self.used:
            mixed = mixed[self.slots]
        return mixed.reshape(len(self.slots), -1, query.shape[2])

    def _with_shared(self, layer: int, query: torch.Tensor, own: torch.Tensor) -> torch.Tensor:
        """Prepend the scores of the prefixes."""
        if not self.groups:
            return own
        if self.groups[0].slots is None:
            return torch.cat([self.groups[0].scores(layer, query), own], dim=-1)
        scores = own.new_zeros(*own.shape[:3], self.longest + own.shape[3])
        scores[..., self.longest :] = own
        for group in self.groups:
            scores[group.slots, :, :, : len(group.prefix)] = group.scores(layer, query)
        return scores

    def _own(self, tensor: torch.Tensor) -> torch.Tensor:
        """Return the columns to attend to, so that the matrix product does not gather them first."""
        used = tensor[: self.used]
        if tensor.device.type != "cpu":
            return used[:, :, : self.columns]
        if self.columns >= TIGHT * tensor.shape[2]:
            return used
        return used[:, :, : self.columns].contiguous()

    def _spread(self, query: torch.Tensor) -> torch.Tensor:
        if len(self.slots) == self.used:
            return query
        spread = query.new_zeros(self.used, *query.shape[1:])
        spread[self.slots] = query
        return spread

    def _mask(self, window: int | None, columns: int) -> torch.Tensor:
        """Return terms for the scores: zero for a column that a slot sees, else minus infinity."""
        if window not in self._masks:
            device = self.filled.device
            prefix, own = torch.arange(self.longest, device=device), torch.arange(columns, device=device)
            filled, shared = self.filled.unsqueeze(1), self.shared.unsqueeze(1)
            sees_prefix, sees_own = prefix < shared, own <= filled
            if window is not None:
                oldest = shared + filled - window + 1
                sees_prefix, sees_own = sees_prefix & (prefix >= oldest), sees_own & (own + shared >= oldest)
            seen = torch.cat([sees_prefix, sees_own], dim=1)
            mask = torch.zeros(seen.shape, dtype=self.cache.keys[0].dtype, device=device)
            self._masks[window] = mask.masked_fill_(~seen, float("-inf"))[:, None, None]
        return self._masks[window]


def _by_head(rows: torch.Tensor) -> torch.Tensor:
    """Reshape rows x heads x group x size to heads x (rows x group) x size."""
    return rows.transpose(0, 1).reshape(rows.shape[1], -1, rows.shape[3])


def _by_row(flat: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    """Reshape back to rows x heads x group x size, with heads and group as in `like`."""
    return flat.view(like.shape[1], -1, like.shape[2], flat.shape[2]).transpose(0, 1)
