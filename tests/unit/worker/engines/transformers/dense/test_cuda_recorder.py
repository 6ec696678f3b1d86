"""Recording CUDA graphs: the calls of PyTorch and their order, and a real GPU if there is one."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import pytest
import torch

from qwenq.worker.engines.transformers.dense.cuda_recorder import CudaRecorder
from qwenq.worker.engines.transformers.dense.graph_trial import reason_against

DEVICE = torch.device("cuda", 0)
OUTCOME = torch.ones(2)


@dataclass
class PretendedStream:
    """A fake stream."""

    name: str
    asked: list[str]

    def wait_stream(self, other: "PretendedStream") -> None:
        """Note the wait."""
        self.asked.append(f"{self.name} waits for {other.name}")


@dataclass
class PretendedGraph:
    """A fake graph. It knows whose memory it shares."""

    cuda: "PretendedCuda"
    memory: int = 0

    def pool(self) -> int:
        """Return whose memory it has."""
        return self.memory

    def replay(self) -> None:
        """Note the replay, and fail if wanted."""
        self.cuda.asked.append("replay")
        if self.cuda.at_replay is not None:
            raise self.cuda.at_replay


class PretendedCuda:
    """A fake `torch.cuda`. It notes calls, and can fail at a capture's end or a replay."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.at_end: Exception | None = None
        self.at_replay: Exception | None = None
        self.pools = 0

    @contextmanager
    def stream(self, chosen: PretendedStream) -> Iterator[None]:
        """Be the current stream for a while."""
        self.asked.append(f"on {chosen.name}")
        try:
            yield
        finally:
            self.asked.append(f"off {chosen.name}")

    @contextmanager
    def graph(
        self, made: PretendedGraph, pool: int | None, stream: PretendedStream, capture_error_mode: str
    ) -> Iterator[None]:
        """Capture, and fail at the end if wanted."""
        assert capture_error_mode == "thread_local"
        self.pools += pool is None
        made.memory = pool or self.pools
        self.asked.append(f"capture on {stream.name} into {made.memory}")
        try:
            yield
        finally:
            if self.at_end is not None:
                raise self.at_end


@pytest.fixture
def cuda(monkeypatch: pytest.MonkeyPatch) -> PretendedCuda:
    """Replace `torch.cuda` by the fake."""
    pretended = PretendedCuda()
    for name, stands_in in {
        "Stream": lambda _: PretendedStream("side", pretended.asked),
        "CUDAGraph": lambda: PretendedGraph(pretended),
        "stream": pretended.stream,
        "graph": pretended.graph,
        "device": nullcontext,
        "current_stream": lambda _: PretendedStream("main", pretended.asked),
    }.items():
        monkeypatch.setattr(torch.cuda, name, stands_in)
    return pretended


def test_a_function_is_warmed_up_then_captured_on_the_same_stream(cuda: PretendedCuda) -> None:
    def function() -> torch.Tensor:
        cuda.asked.append("function")
        return OUTCOME

    replay = CudaRecorder(DEVICE)(function)
    assert replay() is OUTCOME
    assert cuda.asked == [
        *("on main", "side waits for main", "on side", "function", "off side", "main waits for side"),
        *("capture on side into 1", "function", "off main", "replay"),
    ]


def test_a_graph_shares_memory_with_living_graphs(cuda: PretendedCuda) -> None:
    record = CudaRecorder(DEVICE)
    first = record(lambda: OUTCOME)
    second = record(lambda: OUTCOME)
    assert cuda.pools == 1
    del first, second
    record(lambda: OUTCOME)
    assert cuda.pools == 2


def out_of_memory() -> torch.Tensor:
    raise torch.OutOfMemoryError("CUDA out of memory")


def broken() -> torch.Tensor:
    raise RuntimeError("operation not permitted when stream is capturing")


@pytest.mark.parametrize(
    ("function", "at_end", "raised"),
    [
        (out_of_memory, None, torch.OutOfMemoryError),
        (out_of_memory, torch.AcceleratorError("CUDA error: capture invalidated"), torch.OutOfMemoryError),
        (lambda: OUTCOME, torch.AcceleratorError("CUDA error: out of memory"), torch.OutOfMemoryError),
        (broken, None, RuntimeError),
        (broken, torch.AcceleratorError("CUDA error: capture invalidated"), torch.AcceleratorError),
    ],
)
def test_out_of_memory_while_recording_is_told_from_other_failures(
    function: Callable[[], torch.Tensor],
    at_end: Exception | None,
    raised: type[Exception],
    cuda: PretendedCuda,
) -> None:
    cuda.at_end = at_end

    def fails_in_capture() -> torch.Tensor:
        return function() if "capture on side into 1" in cuda.asked else OUTCOME

    with pytest.raises(RuntimeError) as failure:
        CudaRecorder(DEVICE)(fails_in_capture)
    assert type(failure.value) is raised
    assert cuda.asked[-1] == "off main"


def test_out_of_memory_while_a_graph_is_launched_is_named_so(cuda: PretendedCuda) -> None:
    replay = CudaRecorder(DEVICE)(lambda: OUTCOME)
    for error, raised in (
        (torch.AcceleratorError("CUDA error: out of memory"), torch.OutOfMemoryError),
        (torch.AcceleratorError("CUDA error: an illegal memory access"), torch.AcceleratorError),
    ):
        cuda.at_replay = error
        with pytest.raises(raised):
            replay()


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("name", ["qwen2", "qwen3", "sliding", "tied"])
def test_a_gpu_replays_what_it_computes_without_graphs(
    name: str, dtype: torch.dtype, network_of: Callable[[str], Any]
) -> None:
    network = network_of(name).to(DEVICE, dtype)
    assert reason_against(network, CudaRecorder(DEVICE)) is None
