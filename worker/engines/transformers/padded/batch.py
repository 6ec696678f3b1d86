"""A left-padded batch: a prefill, then one decode step after the other."""

from collections.abc import Sequence
from typing import Self

import torch
from transformers import PreTrainedModel

from qwenq.worker.engines.transformers.choosing.sampling import pick_tokens
from qwenq.worker.engines.transformers.padded.columns import PaddedColumns
from qwenq.worker.engines.transformers.request_state import RequestState
from qwenq.worker.engines.transformers.runner import not_a_number


class PaddedBatch:
    """Documents in padded columns. `rows` have not ended; a row that ends leaves the cache at once."""

    def __init__(self, network: PreTrainedModel, states: Sequence[RequestState]) -> None:
        self.rows = list(states)
        self._dtype = network.dtype
        self._columns = PaddedColumns(network, [row.prompt for row in self.rows])

    @torch.inference_mode()
    def advance(self) -> None:
        """Prefill the first time, then decode: every row gets its next token. Rows that end leave."""
        tokens = pick_tokens(self._columns.forward(), self.rows)
        for row, token in zip(self.rows, tokens, strict=True):
            if token is None:
                row.fail(not_a_number(self._dtype))
            else:
                row.append(token)
        self.keep([not row.ended for row in self.rows])
        if self.rows:
            self._columns.feed([row.generated[-1] for row in self.rows])

    @torch.inference_mode()
    def join(self, other: Self) -> None:
        """Append the rows of `other`. Both caches must be joinable."""
        self._columns.join(other._columns)
        self.rows += other.rows

    @torch.inference_mode()
    def keep(self, wanted: Sequence[bool]) -> None:
        """Remove unwanted rows, and padding that no row needs any more."""
        staying = [index for index, keep in enumerate(wanted) if keep]
        if len(staying) == len(self.rows):
            return
        self.rows = [self.rows[index] for index in staying]
        if staying:
            self._columns.keep(staying)
