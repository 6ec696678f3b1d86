"""Recording as CUDA does it: a graph of kernels, launched at once."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from weakref import WeakSet

import torch

from qwenq.worker.engines.transformers.dense.recording import Replay

OUT_OF_MEMORY = "out of memory"


@dataclass(eq=False)
class _Graph:
    """A graph, and the tensor in its memory that the outcome lies in."""

    graph: torch.cuda.CUDAGraph
    outcome: torch.Tensor

    def __call__(self) -> torch.Tensor:
        """Launch it on the current stream."""
        with _telling_memory():
            self.graph.replay()
        return self.outcome


class CudaRecorder:
    """A Record for one device. Its graphs share memory for what lies between inputs and outcome."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
        self._living: WeakSet[_Graph] = WeakSet()

    def __call__(self, function: Callable[[], torch.Tensor]) -> Replay:
        """Record `function`, which is called twice. Nothing of the second call is computed before the first replay."""
        current = torch.cuda.current_stream(self._device)
        # A capture that fails leaves its own stream the current one; this one is put back at the end in any case.
        with torch.cuda.device(self._device), torch.cuda.stream(current), _telling_memory():
            self._warm_up(function, current)
            graph = self._capture(function)
        self._living.add(graph)
        return graph

    def _warm_up(self, function: Callable[[], torch.Tensor], current: torch.cuda.Stream) -> None:
        """Call it once on the stream of the capture: kernels are loaded then, and cuBLAS has its workspace there."""
        self._stream.wait_stream(current)
        with torch.cuda.stream(self._stream):
            function()
        current.wait_stream(self._stream)

    def _capture(self, function: Callable[[], torch.Tensor]) -> _Graph:
        graph = torch.cuda.CUDAGraph()
        # The memory of graphs that are all gone must not be named again: PyTorch takes it for an error.
        shared = next((one.graph.pool() for one in self._living), None)
        with torch.cuda.graph(
            graph,
            pool=shared,
            stream=self._stream,
            capture_error_mode="thread_local",  # what other threads ask of the device meanwhile is no mistake
        ):
            outcome = function()
        return _Graph(graph, outcome)


@contextmanager
def _telling_memory() -> Iterator[None]:
    """Raise torch.OutOfMemoryError for every error that comes of too little memory, whatever the driver calls it."""
    try:
        yield
    except torch.OutOfMemoryError:
        raise
    except RuntimeError as error:
        # The end of a capture that was broken off has an error of its own, raised over the first one.
        if OUT_OF_MEMORY in f"{error} {error.__context__}":
            raise torch.OutOfMemoryError(str(error)) from error
        raise
