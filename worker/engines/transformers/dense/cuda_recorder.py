"""Records functions as CUDA graphs: all kernels are launched at once."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from weakref import WeakSet

import torch

from qwenq.worker.engines.transformers.dense.recording import Replay

OUT_OF_MEMORY = "out of memory"


@dataclass(eq=False)
class _Graph:
    """A graph, and the tensor in its memory that holds the outcome."""

    graph: torch.cuda.CUDAGraph
    outcome: torch.Tensor

    def __call__(self) -> torch.Tensor:
        """Launch it on the current stream."""
        with _out_of_memory_named():
            self.graph.replay()
        return self.outcome


class CudaRecorder:
    """A Record for one device. Its graphs share memory for intermediate tensors."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
        self._living: WeakSet[_Graph] = WeakSet()

    def __call__(self, function: Callable[[], torch.Tensor]) -> Replay:
        """Call `function` twice: to warm up, then to record it. Only a replay computes what was recorded."""
        current = torch.cuda.current_stream(self._device)
        # A failed capture leaves its own stream as the current one; this restores it in any case.
        with torch.cuda.device(self._device), torch.cuda.stream(current), _out_of_memory_named():
            self._warm_up(function, current)
            graph = self._capture(function)
        self._living.add(graph)
        return graph

    def _warm_up(self, function: Callable[[], torch.Tensor], current: torch.cuda.Stream) -> None:
        """Call it once on the capture's stream, to load kernels and to give cuBLAS its workspace there."""
        self._stream.wait_stream(current)
        with torch.cuda.stream(self._stream):
            function()
        current.wait_stream(self._stream)

    def _capture(self, function: Callable[[], torch.Tensor]) -> _Graph:
        graph = torch.cuda.CUDAGraph()
        # PyTorch raises an error for the pool of graphs that are all gone.
        shared = next((one.graph.pool() for one in self._living), None)
        with torch.cuda.graph(
            graph,
            pool=shared,
            stream=self._stream,
            capture_error_mode="thread_local",  # other threads may use the device meanwhile
        ):
            outcome = function()
        return _Graph(graph, outcome)


@contextmanager
def _out_of_memory_named() -> Iterator[None]:
    """Raise torch.OutOfMemoryError for every error caused by too little memory."""
    try:
        yield
    except torch.OutOfMemoryError:
        raise
    except RuntimeError as error:
        # Ending an interrupted capture raises another error over the first one.
        if OUT_OF_MEMORY in f"{error} {error.__context__}":
            raise torch.OutOfMemoryError(str(error)) from error
        raise
