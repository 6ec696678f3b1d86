"""The softmax of a prompt's scores over the columns that each token sees, on a CPU."""

import ctypes
from typing import Protocol, Self

import torch

from qwenq.worker.engines.transformers.native import NUMBERS, compile_kernel

NAME = "causal_softmax"
_ARGUMENTS = (ctypes.c_void_p, *(ctypes.c_int64,) * 5)


class CausalSoftmax(Protocol):
    """Turns attention scores into weights."""

    def __call__(self, scores: torch.Tensor, tokens: int, before: int, window: int | None) -> torch.Tensor:
        """Replace the scores by weights: heads x rows x columns.

        A head's rows are a multiple of `tokens`. The first token sees `before` columns and its own. A token sees at
        most the last `window` of its columns.
        """
        ...


def visible(tokens: int, before: int, window: int | None, device: torch.device | str = "cpu") -> torch.Tensor:
    """Return the columns that each token sees, tokens x columns: up to its own, at most `window`."""
    seen = torch.ones(tokens, before + tokens, dtype=torch.bool, device=device).tril(before)
    return seen if window is None else seen.triu(before - window + 1)


def masked_softmax(scores: torch.Tensor, tokens: int, before: int, window: int | None) -> torch.Tensor:
    """Compute a CausalSoftmax with PyTorch's operations."""
    seen = visible(tokens, before, window)
    hidden = torch.zeros(seen.shape, dtype=scores.dtype).masked_fill_(~seen, float("-inf"))
    return scores.view(len(scores), -1, *seen.shape).add_(hidden).softmax(-1).view(scores.shape)


class SoftmaxKernel:
    """Computes a CausalSoftmax in C. It skips what a token does not see."""

    def __init__(self, function: "ctypes._NamedFuncPointer") -> None:
        function.argtypes, function.restype = _ARGUMENTS, None
        self._run = function

    @classmethod
    def compiled(cls, dtype: torch.dtype) -> Self | None:
        """Compile the kernel; None for other number formats, or without a compiler."""
        library = compile_kernel(NAME, NUMBERS[dtype]) if dtype in NUMBERS else None
        return cls(library[NAME]) if library is not None else None

    def __call__(self, scores: torch.Tensor, tokens: int, before: int, window: int | None) -> torch.Tensor:
        """Replace contiguous scores by weights."""
        heads, rows, columns = scores.shape
        self._run(scores.data_ptr(), heads * rows, tokens, columns, before, window or 0)
        return scores


def causal_softmax(dtype: torch.dtype, device: torch.device) -> CausalSoftmax:
    """Choose the kernel or PyTorch's operations. Only a CPU uses either."""
    kernel = SoftmaxKernel.compiled(dtype) if device.type == "cpu" else None
    return kernel or masked_softmax
