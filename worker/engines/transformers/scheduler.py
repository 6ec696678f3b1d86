"""Which documents run when: a document that ends makes room for the next, and failures are isolated."""

import logging
import time
from collections import deque
from collections.abc import Collection, Iterable, Iterator

import torch

from qwenq.schemas.errors import DocumentFailed, GenerationFailed, OutOfMemory
from qwenq.schemas.requests import BatchMetrics, Completion, EngineHooks
from qwenq.worker.engines.transformers.budget import TokenBudget
from qwenq.worker.engines.transformers.intake import Intake
from qwenq.worker.engines.transformers.loading.device import free_memory
from qwenq.worker.engines.transformers.metering import GroupMeter
from qwenq.worker.engines.transformers.request_state import RequestState
from qwenq.worker.engines.transformers.runner import RowWork, Runner

_log = logging.getLogger("qwenq.engine")

# Exceptions of a step after which the next step can run. Time limits and signals are not among them.
SURVIVABLE = (RuntimeError, ValueError, TypeError, LookupError, ArithmeticError, MemoryError)
LONGEST_REASON = 300
IDLE_SECONDS = 0.2


class Scheduler:
    """Moves documents from an intake to a runner, until both are empty.

    When a step fails, its documents restart in halves, one half at a time, until the document at fault fails alone.
    If memory ran out, the budget shrinks too. A broken device raises AcceleratorError.
    """

    def __init__(
        self, runner: Runner, intake: Intake, budget: TokenBudget, device: torch.device, hooks: EngineHooks
    ) -> None:
        self._runner = runner
        self._intake = intake
        self._budget = budget
        self._device = device
        self._hooks = hooks
        self._meter = GroupMeter(device)
        self._suspects: deque[list[RequestState]] = deque()
        self._again: deque[RequestState] = deque()
        self._isolating = False

    def run(self) -> Iterator[Completion]:
        """Yield each document's completion as it ends. Exceptions of hooks and requests pass through."""
        while True:
            self._hooks.on_step()
            yield from self._intake.pop_failed()
            self._admit()
            if self._runner.running:
                yield from self._step()
            elif self._intake.exhausted and not self._again:
                break
            else:
                self._intake.wait(IDLE_SECONDS)
            self._report(self._meter.pop_due())

    def withdraw(self, group: int) -> None:
        """Drop a group's documents, between two steps."""
        self._intake.withdraw(group)
        self._runner.discard([row for row in self._runner.running if row.group == group])
        kept = ([row for row in half if row.group != group] for half in self._suspects)
        self._suspects = deque(half for half in kept if half)
        self._again = deque(row for row in self._again if row.group != group)
        self._close(group)

    def hurry(self) -> None:
        """Read on now, however much waits: an urgent document comes next."""
        self._intake.hurry()

    @property
    def waiting(self) -> int:
        """How many documents were not admitted yet."""
        return self._intake.waiting

    def withdraw_waiting(self, group: int, first: int = 0) -> Collection[int]:
        """Drop a group's documents that were not admitted, between two steps. Returns the keys of the others.

        Keys below `first` stay.
        """
        self._intake.withdraw(group, first)
        if not self._holds(group):
            self._close(group)
        begun = [*self._runner.running, *self._again, *(row for half in self._suspects for row in half)]
        return {row.key for row in begun if row.group == group}

    def _admit(self) -> None:
        if self._isolating and (self._runner.running or self._suspects):
            self._admit_suspects()
            return
        self._isolating = False
        while self._again:
            if not self._runner.admit(self._again[0], ()):
                return
            self._again.popleft()
        while (state := self._intake.first()) is not None:
            if not self._runner.admit(state, self._intake.prompts_beside(state)):
                return
            state.admitted_at = time.monotonic()
            self._intake.pop(state)

    def _admit_suspects(self) -> None:
        """Admit the next half alone, as far as there is room."""
        if self._runner.running:
            return
        half = self._suspects.popleft()
        for place, state in enumerate(half):
            if not self._runner.admit(state, ()):
                self._suspects.appendleft(half[place:])
                return

    def _step(self) -> Iterator[Completion]:
        running = list(self._runner.running)
        cells = self._runner.cells
        started = time.perf_counter()
        work, failure = _try_step(self._runner, self._runner.columns)
        self._meter.add_step(work, time.perf_counter() - started)
        if failure is not None:
            self._isolate(running, failure, max(cells, self._runner.cells))
        for row in running:
            if row.wants_retry:
                row.retry()
                self._again.append(row)
        ended, ended_at = [row for row in running if row.ended], time.monotonic()
        for row in ended:
            self._meter.add_ended(row, ended_at)
        for group in {row.group for row in ended}:
            if not self._holds(group):
                self._close(group)
        yield from (row.completion(ended_at) for row in ended)

    def _isolate(self, running: list[RequestState], failure: DocumentFailed, cells: int) -> None:
        """Restart a failed step's documents in halves; a single document fails."""
        self._runner.release()
        free_memory(self._device)
        alone = len(running) == 1
        if isinstance(failure, OutOfMemory) and not (alone and self._budget.cells <= failure.tokens):
            # A single document restarts too, if memory was reserved for others.
            self._budget.shrink(cells)
            alone = False
        if alone:
            running[0].fail(failure)
            return
        _log.warning("a step of %d documents failed (%s): they restart in halves", len(running), failure.code)
        for row in running:
            row.restart()
        middle = len(running) // 2
        self._suspects.extendleft(half for half in (running[middle:], running[:middle]) if half)
        self._isolating = True

    def _holds(self, group: int) -> bool:
        """Whether documents of the group are waiting, running or suspect."""
        suspects = (row for half in self._suspects for row in half)
        here = any(
            row.group == group for some in (self._runner.running, self._again, suspects) for row in some
        )
        return here or self._intake.holds(group)

    def _close(self, group: int) -> None:
        """Report a group's costs, before its last completion is yielded."""
        self._runner.close_group(group)
        metrics = self._meter.pop(group)
        self._report([metrics] if metrics else [])

    def _report(self, metrics: Iterable[BatchMetrics]) -> None:
        for one in metrics:
            self._hooks.on_batch(one)


def _try_step(runner: Runner, columns: int) -> tuple[list[RowWork], DocumentFailed | None]:
    """Run a step; return what it did, and why it failed if it did. `columns` is the longest document's limit.

    The exception is not kept: its traceback would hold the step's memory.
    """
    try:
        return runner.step(), None
    except torch.AcceleratorError:
        raise  # the device is broken for every later step as well
    except (torch.OutOfMemoryError, MemoryError):
        return [], OutOfMemory(tokens=columns)
    except SURVIVABLE as error:
        reason = f"{type(error).__name__}: {error}".partition("\n")[0][:LONGEST_REASON]
        if "DefaultCPUAllocator" in reason:
            return [], OutOfMemory(tokens=columns)
        return [], GenerationFailed(reason=reason)
