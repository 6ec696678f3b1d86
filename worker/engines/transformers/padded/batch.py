"""A left-padded batch: a prefill, then one decode step after the other."""

from collections.abc import Sequence
from typing import Self

import torch
from transformers import PreTrainedModel

from qwenq.schemas.errors import GenerationFailed
from qwenq.worker.engines.transformers.choosing.sampling import pick_tokens
from qwenq.worker.engines.transformers.padded.cache import (
    append_rows,
    drop_columns,
    is_joinable,
    keep_rows,
    new_cache,
)
from qwenq.worker.engines.transformers.request_state import RequestState
from qwenq.worker.engines.transformers.runner import NOT_A_NUMBER

ANY_TOKEN = 0  # fills the padding, which is masked


class PaddedBatch:
    """Rows that share a KV cache. They are padded on the left, so that all write to the same column.

    `rows` have not ended; a row that ends leaves the cache at once.
    """

    def __init__(self, network: PreTrainedModel, states: Sequence[RequestState]) -> None:
        self.rows = list(states)
        self._network = network
        self._cache = new_cache(network)
        self._columns = 0  # of the cache, including padding
        longest = max(len(row.prompt) for row in self.rows)
        padding = [longest - len(row.prompt) for row in self.rows]
        self._padding = self._tensor(padding)
        self._input = self._tensor(
            [[ANY_TOKEN] * pad + row.prompt for pad, row in zip(padding, self.rows, strict=True)]
        )

    @torch.inference_mode()
    def advance(self) -> None:
        """Prefill the first time, then decode: every row gets its next token. Rows that end leave."""
        tokens = pick_tokens(self._forward(), self.rows)
        for row, token in zip(self.rows, tokens, strict=True):
            if token is None:
                row.fail(GenerationFailed(reason=NOT_A_NUMBER))
            else:
                row.append(token)
        self.keep([not row.ended for row in self.rows])
        self._input = self._tensor([row.generated[-1:] for row in self.rows])

    @torch.inference_mode()
    def join(self, other: Self) -> None:
        """Append the rows of `other`. Both caches must be joinable."""
        append_rows(self._cache, other._cache)
        columns = max(self._columns, other._columns)
        self._padding = torch.cat(
            [self._padding + columns - self._columns, other._padding + columns - other._columns]
        )
        self._input = torch.cat([self._input, other._input])
        self._columns = columns
        self.rows += other.rows

    @torch.inference_mode()
    def keep(self, wanted: Sequence[bool]) -> None:
        """Remove unwanted rows, and padding that no row needs any more."""
        staying = [index for index, keep in enumerate(wanted) if keep]
        if len(staying) == len(self.rows):
            return
        self.rows = [self.rows[index] for index in staying]
        if not staying:
            return
        rows = self._tensor(staying)
        self._padding = self._padding[rows]
        self._input = self._input[rows]
        spare = int(self._padding.min())
        if spare and is_joinable(self._cache):
            drop_columns(self._cache, spare)
            self._padding -= spare
            self._columns -= spare
        keep_rows(self._cache, rows)

    def _forward(self) -> torch.Tensor:
        """Run the model over the input columns. Returns the logits of the last one, rows x vocabulary."""
        first, last = self._columns, self._columns + self._input.shape[1]
        columns = torch.arange(last, device=self._padding.device)
        padding = self._padding.unsqueeze(1)
        output = self._network(
            input_ids=self._input,
            attention_mask=(columns >= padding).long() if self._padding.any() else None,
            position_ids=(columns[first:] - padding).clamp(min=0),
            past_key_values=self._cache,
            use_cache=True,
            logits_to_keep=1,
        )
        self._columns = last
        logits: torch.Tensor = output.logits[:, -1]
        return logits

    def _tensor(self, numbers: list[int] | list[list[int]]) -> torch.Tensor:
        return torch.tensor(numbers, device=self._network.device)
