"""Decode steps recorded and replayed as graphs: no kernel waits for Python."""

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
from qwenq.worker.engines.transformers.packed.decode_attention import FoldedDecoding
from qwenq.worker.engines.transformers.packed.kv_cache import Place
from qwenq.worker.engines.transformers.packed.prefix import Prefix
from qwenq.worker.engines.transformers.packed.step import PackedStep
from qwenq.worker.engines.transformers.scheduler import SURVIVABLE

_log = logging.getLogger("qwenq.engine")

STEPS_BEFORE = 3  # of a size, before it is recorded: recording costs about as much
MOST_GRAPHS = 16
MOST_BYTES = MOST_GRAPHS * 2**24  # reserved for graphs: an estimate, because no GPU was available


class _Graph(NamedTuple):
    step: StaticStep
    replay: Replay


@dataclass(slots=True)
class _Graphs:
    """At most `most` graphs over a cache's current tensors and one prefix, the last used at the end.

    Graphs hold addresses, not memory: `prefix` tells whether what they read still exists.
    """

    most: int
    prefix: "ref[Prefix] | None" = None
    kept: dict[Size, _Graph] = field(default_factory=dict)
    seen: Counter[Size] = field(default_factory=Counter)

    def turn_to(self, prefix: Prefix | None) -> None:
        """Drop graphs over another prefix."""
        wanted = ref(prefix) if prefix is not None else None
        if wanted != self.prefix:
            self.prefix = wanted
            self.kept.clear()
            self.seen.clear()

    def find(self, size: Size) -> _Graph | None:
        """Return the graph of a size, if there is one."""
        if (found := self.kept.pop(size, None)) is not None:
            self.kept[size] = found
        return found

    def wants(self, size: Size) -> bool:
        """Count a step; return whether to record a graph of its size. The oldest graph makes room if needed."""
        self.seen[size] += 1
        if not self.most or self.seen[size] <= STEPS_BEFORE:
            return False
        while len(self.kept) >= self.most:
            oldest = next(iter(self.kept))
            del self.kept[oldest], self.seen[oldest]
        return True

    def give_up(self) -> None:
        """Drop all graphs, and record no others."""
        self.kept.clear()
        self.most = 0


class GraphedForward:
    """A Forward that replays the decode steps that it can, and runs the dense pass for others.

    No answer depends on a graph: if recording or replaying fails, the step runs without. After too little memory there
    are no graphs until the cache is reallocated, after any other error for good; `failure` says why.
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
        """Compute the logits at the step's `last`: places x vocabulary."""
        decoding = static_decoding(step) if self.failure is None else None
        rows = self._try(step.tokens, decoding) if decoding is not None else None
        return self._dense(step) if rows is None else self._dense.logits(rows)

    def _try(self, tokens: list[int], decoding: FoldedDecoding) -> torch.Tensor | None:
        """Replay the step if possible. No exception is kept: its traceback would hold memory."""
        graphs = self._graphs.setdefault(decoding.cache.place, _Graphs(MOST_GRAPHS))
        try:
            return self._replayed(graphs, tokens, decoding)
        except (torch.OutOfMemoryError, MemoryError):
            graphs.give_up()
            _log.warning("out of memory with decode steps as graphs: they run without, for now")
        except SURVIVABLE as error:
            self._graphs.clear()
            self.failure = f"{type(error).__name__}: {error}".partition("\n")[0]
            _log.warning("decode steps are not replayed as graphs any more: %s", self.failure)
        return None

    def _replayed(self, graphs: _Graphs, tokens: list[int], decoding: FoldedDecoding) -> torch.Tensor | None:
        """Return the layers' outputs, rows x width; None while the size is not worth a graph."""
        cache, prefix, size = decoding.cache, decoding.rows[0].prefix, Size.of(decoding)
        graphs.turn_to(prefix)
        graph = graphs.find(size)
        if graph is None and not graphs.wants(size):
            return None
        step = graph.step if graph is not None else StaticStep.of(size, cache.keys[0].device)
        step.fill(tokens, decoding)
        if graph is None:
            graph = _Graph(step, self._record(partial(step.run, self._dense, cache, prefix)))
            graphs.kept[size] = graph
        return graph.replay()[: decoding.documents]
