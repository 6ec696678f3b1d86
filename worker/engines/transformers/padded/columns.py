"""Prompts padded on the left, and the KV cache of all of them: the columns of a padded batch."""

from collections.abc import Sequence
from typing import Self

import torch
from transformers import PreTrainedModel

from qwenq.worker.engines.transformers.padded.cache import (
    append_rows,
    cache_argument,
    drop_columns,
    is_joinable,
    keep_rows,
    new_cache,
)

ANY_TOKEN = 0  # fills the padding, which is masked


class PaddedColumns:
    """Rows that share a KV cache. They are padded on the left, so that all write to the same column."""

    def __init__(self, network: PreTrainedModel, prompts: Sequence[list[int]]) -> None:
        self._network = network
        self._cache = new_cache(network)
        self._argument = cache_argument(network)
        self._columns = 0  # of the cache, including padding
        longest = max(map(len, prompts))
        padding = [longest - len(prompt) for prompt in prompts]
        self._padding = self._tensor(padding)
        self._input = self._tensor(
            [[ANY_TOKEN] * pad + prompt for pad, prompt in zip(padding, prompts, strict=True)]
        )

    def feed(self, tokens: list[int]) -> None:
        """Set each row's newest token, the input of the next pass."""
        self._input = self._tensor([[token] for token in tokens])

    def forward(self) -> torch.Tensor:
        """Run the model over the input. Returns the logits of the last column, rows x vocabulary."""
        first, last = self._columns, self._columns + self._input.shape[1]
        columns = torch.arange(last, device=self._padding.device)
        padding = self._padding.unsqueeze(1)
        output = self._network(
            input_ids=self._input,
            attention_mask=(columns >= padding).long() if self._padding.any() else None,
            position_ids=(columns[first:] - padding).clamp(min=0),
            use_cache=True,
            logits_to_keep=1,
            **{self._argument: self._cache},
        )
        self._columns = last
        logits: torch.Tensor = output.logits[:, -1]
        return logits

    def join(self, other: Self) -> None:
        """Append the rows of `other`. Both caches must be joinable."""
        append_rows(self._cache, other._cache)
        columns = max(self._columns, other._columns)
        self._padding = torch.cat(
            [self._padding + columns - self._columns, other._padding + columns - other._columns]
        )
        self._input = torch.cat([self._input, other._input])
        self._columns = columns

    def keep(self, staying: list[int]) -> None:
        """Keep only these rows, at least one, and remove padding that none of them needs."""
        rows = self._tensor(staying)
        self._padding = self._padding[rows]
        self._input = self._input[rows]
        spare = int(self._padding.min())
        if spare and is_joinable(self._cache):
            drop_columns(self._cache, spare)
            self._padding -= spare
            self._columns -= spare
        keep_rows(self._cache, rows)

    def _tensor(self, numbers: list[int] | list[list[int]]) -> torch.Tensor:
        return torch.tensor(numbers, device=self._network.device)
