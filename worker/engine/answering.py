"""Answer one batch, and keep a failure in it from reaching more documents than it must."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from transformers import PreTrainedModel

from schemas.requests import Completion, EngineHooks
from worker.engine.answers import completion_of
from worker.engine.batch_run import BatchRun
from worker.engine.device import free_memory
from worker.engine.metering import BatchMeter
from worker.engine.sequence import Sequence

logger = logging.getLogger("qwenq.engine")

# What a batch may raise and the next one survive. Time limits and signals are not among these.
SURVIVABLE = (RuntimeError, ValueError, TypeError, LookupError, ArithmeticError, MemoryError)
LONGEST_REASON = 300


@dataclass(frozen=True, slots=True)
class BatchAnswerer:
    """Runs batches on a resident model, reporting each step and each batch to the hooks."""

    network: PreTrainedModel
    hooks: EngineHooks

    def answer(self, batch: list[Sequence]) -> Iterator[Completion]:
        """Answer each document as it finishes.

        A batch that fails, of memory or otherwise, is halved and begun again without the documents that
        have their answer; a document that fails alone is failed. A broken device raises AcceleratorError.
        """
        run = BatchRun(self.network, batch)
        meter = BatchMeter.of(self.network.device, batch)
        while run.unfinished:
            self.hooks.on_step()
            with meter:
                ended, reason = _try_step(run)
            if reason is not None:
                left = run.unfinished
                del run  # and with it the cache
                yield from self._answer_halves(left, reason)
                return
            yield from map(completion_of, ended)
        self.hooks.on_batch(meter.read(run))

    def _answer_halves(self, left: list[Sequence], reason: str) -> Iterator[Completion]:
        free_memory(self.network.device)
        if len(left) == 1:
            left[0].fail(reason)
            yield completion_of(left[0])
            return
        logger.warning("a batch of %d documents failed (%s): halving it", len(left), reason)
        middle = len(left) // 2
        for half in (left[:middle], left[middle:]):
            for sequence in half:
                sequence.restart()
            yield from self.answer(half)


def _try_step(run: BatchRun) -> tuple[list[Sequence], str | None]:
    """Give the rows that ended with this step, and the reason if it failed.

    The exception ends here: its traceback would keep the batch's memory.
    """
    try:
        return run.step(), None
    except torch.AcceleratorError:
        raise  # the device is broken for every later batch as well
    except torch.OutOfMemoryError:
        return [], "the device has too little memory"
    except SURVIVABLE as error:
        return [], f"{type(error).__name__}: {error}".partition("\n")[0][:LONGEST_REASON]
