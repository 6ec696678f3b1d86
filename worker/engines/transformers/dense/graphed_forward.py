"""Steps of running documents alone, recorded and replayed: between two kernels nothing waits for Python then."""

import logging
from collections import Counter
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple
from weakref import WeakKeyDictionary, ref

import torch

from qwenq.worker.engines.transformers.dense.forward import DenseForward
from qwenq.worker.engines.transformers.dense.recording import Record, Replay
from qwenq.worker.engines.transformers.dense.static_step import Size, StaticStep, static_decoding
from qwenq.worker.engines.transformers.packed.arena import Place
from qwenq.worker.engines.transformers.packed.decode_attention import FoldedDecoding
from qwenq.worker.engines.transformers.packed.prefix import Prefix
from qwenq.worker.engines.transformers.packed.step import PackedStep
from qwenq.worker.engines.transformers.scheduler import SURVIVABLE

_log = logging.getLogger("qwenq.engine")

STEPS_BEFORE = 3  # of a size, without a graph: about what it costs to record one
MOST_GRAPHS = 16
MOST_BYTES = MOST_GRAPHS * 2**24  # set aside for them: an estimate, no GPU was at hand


class _Graph(NamedTuple):
    step: StaticStep
    replay: Replay


@dataclass(slots=True)
class _Graphs:
    """At `most` so many graphs, over an arena's tensors where they lie and over one prefix; the last used at the end.

    They hold addresses, not memory: `prefix` tells whether what they read is still there.
    """

    most: int
    prefix: "ref[Prefix] | None" = None
    kept: dict[Size, _Graph] = field(default_factory=dict)
    seen: Counter[Size] = field(default_factory=Counter)

    def turn_to(self, prefix: Prefix | None) -> None:
        """Let those over another prefix go."""
        wanted = ref(prefix) if prefix is not None else None
        if wanted != self.prefix:
            self.prefix = wanted
            self.kept.clear()
            self.seen.clear()

    def find(self, size: Size) -> _Graph | None:
        """Give the graph for a size, if there is one."""
        if (found := self.kept.pop(size, None)) is not None:
            self.kept[size] = found
        return found

    def wants(self, size: Size) -> bool:
        """Whether it is time to record a graph for a size; where there are too many, the oldest makes room."""
        self.seen[size] += 1
        if not self.most or self.seen[size] <= STEPS_BEFORE:
            return False
        while len(self.kept) >= self.most:
            oldest = next(iter(self.kept))
            del self.kept[oldest], self.seen[oldest]
        return True

    def give_up(self) -> None:
        """Let all go, and take no others in."""
        self.kept.clear()
        self.most = 0


class GraphedForward:
    """A Forward that replays the steps that it can, and leaves the others to the pass that is written out.

    No answer depends on a graph: where recording or replaying fails, the step is done without. After too little memory
    it stays so until the arena is made anew, after all else for good; `failure` says why.
    """

    def __init__(self, dense: DenseForward, record: Record) -> None:
        self._dense = dense
        self._record = record
        self._graphs: WeakKeyDictionary[Place, _Graphs] = WeakKeyDictionary()
        self.failure: str | None = None

    @property
    def graphs(self) -> int:
        """How many graphs are recorded now."""
        return sum(len(one.kept) for one in self._graphs.values())

    @torch.inference_mode()
    def __call__(self, step: PackedStep) -> torch.Tensor:
        """Give the logits at the step's `last`: places x vocabulary."""
        decoding = static_decoding(step) if self.failure is None else None
        rows = self._try(step.tokens, decoding) if decoding is not None else None
        return self._dense(step) if rows is None else self._dense.logits(rows)

    def _try(self, tokens: list[int], decoding: FoldedDecoding) -> torch.Tensor | None:
        """Replay the step, if that can be done. The exception ends here: its traceback would keep memory."""
        graphs = self._graphs.setdefault(decoding.arena.place, _Graphs(MOST_GRAPHS))
        try:
            return self._replayed(graphs, tokens, decoding)
        except (torch.OutOfMemoryError, MemoryError):
            graphs.give_up()
            _log.warning("out of memory with decode steps as graphs: they go on without, for now")
        except SURVIVABLE as error:
            self._graphs.clear()
            self.failure = f"{type(error).__name__}: {error}".partition("\n")[0]
            _log.warning("decode steps are not replayed as graphs any more: %s", self.failure)
        return None

    def _replayed(self, graphs: _Graphs, tokens: list[int], decoding: FoldedDecoding) -> torch.Tensor | None:
        """Give what the layers make of each document's token: documents x width; None before it is worth a graph."""
        arena, prefix, size = decoding.arena, decoding.rows[0].prefix, Size.of(decoding)
        graphs.turn_to(prefix)
        graph = graphs.find(size)
        if graph is None and not graphs.wants(size):
            return None
        step = graph.step if graph is not None else StaticStep.of(size, arena.keys[0].device)
        step.fill(tokens, decoding)
        if graph is None:
            graph = _Graph(step, self._record(partial(step.run, self._dense, arena, prefix)))
            graphs.kept[size] = graph
        return graph.replay()[: decoding.documents]
