"""Running documents in left-padded batches: for every model that Transformers can generate with."""

from collections.abc import Sequence

from transformers import PreTrainedModel

from qwenq.worker.engines.transformers.budget import TokenBudget
from qwenq.worker.engines.transformers.padded.batch import PaddedBatch
from qwenq.worker.engines.transformers.padded.cache import is_joinable, new_cache
from qwenq.worker.engines.transformers.padded.grouping import prefill_groups
from qwenq.worker.engines.transformers.request_state import RequestState
from qwenq.worker.engines.transformers.runner import RowWork

REFILL_SHARE = 4  # of the rows, one in so many: joining copies the whole cache, so newcomers go in together


class PaddedRows:
    """A Runner that pads. Prompts go through the model in groups of like length, then all rows decode together.

    Rows join a running batch where the model's cache allows it; else the next batch waits for the last row.
    """

    def __init__(self, network: PreTrainedModel, budget: TokenBudget) -> None:
        self._network = network
        self._budget = budget
        self._joinable = is_joinable(new_cache(network))
        self._admitted: list[RequestState] = []
        self._batch: PaddedBatch | None = None

    @property
    def running(self) -> list[RequestState]:
        """The documents that were taken in and have not ended."""
        return [*(self._batch.rows if self._batch else ()), *self._admitted]

    @property
    def columns(self) -> int:
        """How many tokens its longest document may come to."""
        return max(map(_columns, self.running), default=0)

    @property
    def cells(self) -> int:
        """How many tokens its documents may come to, each as many as the longest."""
        return self._budget.taken(len(self.running), self.columns)

    def admit(self, state: RequestState, _beside: Sequence[list[int]]) -> bool:
        """Take a document in, if there is room."""
        rows = len(self.running) + 1
        if not self._joinable and self._batch is not None:
            return False
        if not self._budget.holds(rows, max(self.columns, _columns(state))):
            return False
        self._admitted.append(state)
        return True

    def step(self) -> list[RowWork]:
        """Put a group of prompts through the model, or give every running row a token."""
        batch = self._batch
        if batch is None or (REFILL_SHARE * len(self._admitted) >= len(batch.rows) and self._admitted):
            return self._begin_group()
        work = [RowWork(row, new_tokens=1) for row in batch.rows]
        batch.advance()
        self._batch = batch if batch.rows else None
        return work

    def discard(self, gone: Sequence[RequestState]) -> None:
        """Let documents go, whatever their state."""
        self._admitted = [row for row in self._admitted if row not in gone]
        if self._batch is not None:
            self._batch.keep([row not in gone for row in self._batch.rows])
            self._batch = self._batch if self._batch.rows else None

    def close_group(self, group: int) -> None:
        """Hear that a group has no more documents here."""

    def release(self) -> None:
        """Let all documents and the memory for them go, as after a step that failed."""
        self._admitted.clear()
        self._batch = None

    def _begin_group(self) -> list[RowWork]:
        waiting = sorted(self._admitted, key=_length, reverse=True)
        group = next(prefill_groups(waiting)) if self._joinable else waiting
        self._admitted = [row for row in self._admitted if row not in group]
        longest = len(group[0].prompt)
        batch = PaddedBatch(self._network, group)
        batch.advance()
        if self._batch is None:
            self._batch = batch if batch.rows else None
        elif batch.rows:
            self._batch.join(batch)
        return [RowWork(row, prompt_tokens=len(row.prompt), cells=longest, new_tokens=1) for row in group]


def _columns(state: RequestState) -> int:
    return len(state.prompt) + state.params.max_new_tokens


def _length(state: RequestState) -> int:
    return len(state.prompt)
