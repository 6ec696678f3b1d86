"""One batch on its way: prompts go through the model in groups of like length, then all decode together."""

from collections.abc import Sequence as Listed

from transformers import PreTrainedModel

from worker.engine.batching import prefill_groups
from worker.engine.cache import new_cache, plain_layers
from worker.engine.decoding import PaddedRows
from worker.engine.sequence import Sequence


class BatchRun:
    """Answers a batch step by step.

    `unfinished` are the documents that no step has given back yet, `padded_tokens` the cells of the prompts.
    """

    def __init__(self, network: PreTrainedModel, batch: Listed[Sequence]) -> None:
        self.unfinished = list(batch)
        self.new_tokens = 0
        self._network = network
        self._running: PaddedRows | None = None
        # A cache that forgets columns cannot take rows in: then the batch is one group.
        joinable = plain_layers(new_cache(network)) is not None
        self._waiting = list(prefill_groups(batch)) if joinable else [list(batch)]
        self.padded_tokens = sum(
            len(group) * max(len(row.prompt) for row in group) for group in self._waiting
        )

    def step(self) -> list[Sequence]:
        """Put one group of prompts through the model, or give every running row a token.

        Gives back the documents that ended. If it raises, none of `unfinished` has been given back.
        """
        ended = self._begin_group() if self._waiting else self._continue()
        self.unfinished = [row for row in self.unfinished if not row.ended]
        return ended

    def _begin_group(self) -> list[Sequence]:
        group = PaddedRows(self._network, self._waiting.pop(0))
        self.new_tokens += len(group.rows)
        ended = group.advance()
        if self._running is None or not self._running.rows:
            self._running = group
        elif group.rows:
            self._running.join(group)
        return ended

    def _continue(self) -> list[Sequence]:
        if self._running is None:
            return []
        self.new_tokens += len(self._running.rows)
        return self._running.advance()
