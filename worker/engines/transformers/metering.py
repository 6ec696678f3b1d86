"""What each group costs: tokens, cells, seconds, memory."""

import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

import torch

from qwenq.schemas.measures.answer_seconds import AnswerSeconds
from qwenq.schemas.requests import BatchMetrics
from qwenq.worker.engines.memory import resident_bytes
from qwenq.worker.engines.transformers.loading.device import peak_bytes, reset_peak
from qwenq.worker.engines.transformers.request_state import RequestState
from qwenq.worker.engines.transformers.runner import RowWork

REPORT_SECONDS = 10.0


@dataclass(slots=True)
class _Share:
    """A group's sums since its last report."""

    rows: int = 0
    prompt_tokens: int = 0
    prefix_tokens: int = 0
    padded_tokens: int = 0
    new_tokens: int = 0
    seconds: float = 0.0
    steps: int = 0
    rows_of_steps: int = 0
    answer_seconds: AnswerSeconds = field(default_factory=AnswerSeconds)


@dataclass(slots=True)
class GroupMeter:
    """Adds up steps by group, and reports the sums every few seconds."""

    device: torch.device
    _shares: dict[int, _Share] = field(default_factory=dict)
    _since: float = field(default_factory=time.monotonic)

    def add_step(self, work: Collection[RowWork], seconds: float) -> None:
        """Charge a step's seconds to its groups, by their tokens."""
        tokens: dict[int, int] = {}
        for row in work:
            share = self._shares.setdefault(row.state.group, _Share())
            share.prompt_tokens += row.prompt_tokens
            share.padded_tokens += row.cells
            share.new_tokens += row.new_tokens
            group = row.state.group
            tokens[group] = tokens.get(group, 0) + row.cells + row.new_tokens
        everything = sum(tokens.values())
        together = len({row.state for row in work})
        for group, count in tokens.items():
            share = self._shares[group]
            share.seconds += seconds * count / everything if everything else 0.0
            share.steps += 1
            share.rows_of_steps += together

    def add_ended(self, state: RequestState, ended_at: float) -> None:
        """Count a document that ended at this moment of the monotonic clock."""
        share = self._shares.setdefault(state.group, _Share())
        share.rows += 1
        share.prefix_tokens += state.prefix_tokens
        if state.failure is None:
            share.answer_seconds.add(ended_at - state.admitted_at)

    def pop(self, group: int) -> BatchMetrics | None:
        """Return a group's sums and reset them; None if it had no step."""
        share = self._shares.pop(group, None)
        if share is None:
            return None
        metrics = BatchMetrics(
            rows=share.rows,
            prompt_tokens=share.prompt_tokens,
            padded_tokens=share.padded_tokens,
            new_tokens=share.new_tokens,
            seconds=share.seconds,
            resident_bytes=resident_bytes(),
            gpu_peak_bytes=peak_bytes(self.device),
            prefix_tokens=share.prefix_tokens,
            group=group,
            together=share.rows_of_steps / share.steps if share.steps else 0.0,
            answer_seconds=share.answer_seconds,
        )
        reset_peak(self.device)
        return metrics

    def pop_due(self) -> Iterator[BatchMetrics]:
        """Yield every group's sums, if a report is due."""
        if time.monotonic() - self._since < REPORT_SECONDS:
            return
        self._since = time.monotonic()
        for group in list(self._shares):
            if metrics := self.pop(group):
                yield metrics
