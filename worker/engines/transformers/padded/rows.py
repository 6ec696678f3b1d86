"""The Runner that pads, for every model that Transformers can generate with."""

from collections.abc import Sequence

from transformers import PreTrainedModel

from qwenq.worker.engines.transformers.budget import TokenBudget
from qwenq.worker.engines.transformers.padded.batch import PaddedBatch
from qwenq.worker.engines.transformers.padded.cache import is_joinable, new_cache
from qwenq.worker.engines.transformers.padded.grouping import prefill_groups
from qwenq.worker.engines.transformers.request_state import RequestState
from qwenq.worker.engines.transformers.runner import RowWork

REFILL_SHARE = 4  # joining copies the whole cache, so newcomers wait until they are one row in this many


class PaddedRows:
    """Prefills prompts in groups of like length, then decodes all rows together.

    Rows join a running batch if the model's cache allows it. Otherwise each group is a batch, which begins after the
    last row of the one before. Documents are then admitted when all groups have ended, so that none waits for ever.
    """

    def __init__(self, network: PreTrainedModel, budget: TokenBudget) -> None:
        self._network = network
        self._budget = budget
        self._joinable = is_joinable(new_cache(network))
        self._admitted: list[RequestState] = []
        self._batch: PaddedBatch | None = None
        self._begun = False  # whether a group of the admitted documents was prefilled

    @property
    def running(self) -> list[RequestState]:
        """Admitted documents that have not ended."""
        return [*(self._batch.rows if self._batch else ()), *self._admitted]

    @property
    def columns(self) -> int:
        """The tokens that its longest document may reach."""
        return max(map(_columns, self.running), default=0)

    @property
    def cells(self) -> int:
        """The tokens that its documents may reach, each counted like the longest."""
        return self._budget.cells_of(len(self.running), self.columns)

    def admit(self, state: RequestState, _beside: Sequence[list[int]]) -> bool:
        """Admit a document if there is room."""
        rows = len(self.running) + 1
        self._begun = self._begun and rows > 1
        if not self._joinable and self._begun:
            return False
        if not self._budget.holds(rows, max(self.columns, _columns(state))):
            return False
        self._admitted.append(state)
        return True

    def step(self) -> list[RowWork]:
        """Prefill a group of prompts, or decode a token for every running row."""
        batch = self._batch
        if batch is None or (self._joinable and REFILL_SHARE * len(self._admitted) >= len(batch.rows)):
            return self._prefill_group()
        work = [RowWork(row, new_tokens=1) for row in batch.rows]
        batch.advance()
        self._batch = batch if batch.rows else None
        return work

    def discard(self, gone: Sequence[RequestState]) -> None:
        """Drop documents, whatever their state."""
        self._admitted = [row for row in self._admitted if row not in gone]
        if self._batch is not None:
            self._batch.keep([row not in gone for row in self._batch.rows])
            self._batch = self._batch if self._batch.rows else None

    def close_group(self, group: int) -> None:
        """Do nothing: no prefix is kept for a group."""

    def release(self) -> None:
        """Drop all documents and their memory, as after a failed step."""
        self._admitted.clear()
        self._batch = None

    def _prefill_group(self) -> list[RowWork]:
        waiting = sorted(self._admitted, key=_length, reverse=True)
        group = next(prefill_groups(waiting))
        self._begun = True
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
