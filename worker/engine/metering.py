"""What one batch costs: tokens, cells, seconds, memory."""

import time
from collections.abc import Sequence as Listed
from dataclasses import dataclass
from typing import Self

import torch

from schemas.requests import BatchMetrics
from worker.engine.batch_run import BatchRun
from worker.engine.device import peak_bytes, reset_peak
from worker.engine.memory import resident_bytes
from worker.engine.sequence import Sequence


@dataclass(slots=True)
class BatchMeter:
    """Adds up the seconds spent inside its `with`: a batch's steps, not the time of who takes the answers."""

    device: torch.device
    rows: int
    prompt_tokens: int
    seconds: float = 0.0
    entered: float = 0.0

    @classmethod
    def of(cls, device: torch.device, batch: Listed[Sequence]) -> Self:
        """Start metering `batch`."""
        reset_peak(device)
        return cls(device, len(batch), sum(len(sequence.prompt) for sequence in batch))

    def __enter__(self) -> Self:
        self.entered = time.perf_counter()
        return self

    def __exit__(self, *_: object) -> None:
        self.seconds += time.perf_counter() - self.entered

    def read(self, run: BatchRun) -> BatchMetrics:
        """Give the metrics of the batch that `run` answered, with the memory of this moment."""
        return BatchMetrics(
            rows=self.rows,
            prompt_tokens=self.prompt_tokens,
            padded_tokens=run.padded_tokens,
            new_tokens=run.new_tokens,
            seconds=self.seconds,
            resident_bytes=resident_bytes(),
            gpu_peak_bytes=peak_bytes(self.device),
        )
