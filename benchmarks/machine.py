"""The limits of the machine: how fast it multiplies matrices in bfloat16 and reads memory."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import torch

TRIES = 5
SECONDS_A_TRY = 0.3
SIDES = {"cpu": (1024, 2048), "cuda": (4096, 8192)}


@dataclass(frozen=True, slots=True)
class Ceilings:
    """Matrix operations and bytes a second; a multiplication with its addition counts as two operations."""

    operations: float
    bytes: float

    def seconds(self, operations: float, read: float) -> float:
        """Compute the least time for work that computes while it reads."""
        return max(operations / self.operations, read / self.bytes)


def measure_ceilings(device: str, read_bytes: int) -> Ceilings:
    """Measure with PyTorch and its present threads. Takes the best of several tries; other work can only slow it down.

    Reads the same `read_bytes` of memory repeatedly, as a decoding step reads the weights, caches included.
    """
    return Ceilings(
        operations=max(_matrix_rate(device, side) for side in SIDES[device]),
        bytes=_read_rate(device, read_bytes),
    )


def _matrix_rate(device: str, side: int) -> float:
    left = torch.randn(side, side, device=device).bfloat16()
    right = torch.randn(side, side, device=device).bfloat16()
    out = torch.empty_like(left)
    return 2 * side**3 * _best_rate(device, lambda: torch.mm(left, right, out=out))


def _read_rate(device: str, read_bytes: int) -> float:
    # A matrix times a vector reads each number once, and does next to nothing with it.
    columns = 4096
    matrix = torch.ones(max(1, read_bytes // 4 // columns), columns, device=device)
    vector = torch.ones(columns, device=device)
    return matrix.nbytes * _best_rate(device, lambda: torch.mv(matrix, vector))


def _best_rate(device: str, work: Callable[[], torch.Tensor]) -> float:
    work()
    return max(_rate(device, work) for _ in range(TRIES))


def _rate(device: str, work: Callable[[], torch.Tensor]) -> float:
    """Times a second."""
    done = 0
    started = time.perf_counter()
    while (spent := time.perf_counter() - started) < SECONDS_A_TRY:
        work()
        if device == "cuda":
            torch.cuda.synchronize()
        done += 1
    return done / spent
