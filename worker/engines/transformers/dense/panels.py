"""Weights in panels, as the C kernels read them. With AVX512-BF16 they are faster than oneDNN."""

import ctypes
from typing import Self

import torch
from torch.nn.functional import pad

from qwenq.worker.engines.transformers.native import NUMBERS, compile_kernel

NAME = "product"
WIDE = 32  # outputs in a panel, as in native/product.h


class WeightTable(ctypes.Structure):
    """`struct weight` of native/product.h."""

    _fields_ = (
        ("panels", ctypes.c_void_p),
        ("bias", ctypes.c_void_p),
        ("inputs", ctypes.c_int64),
        ("outputs", ctypes.c_int64),
    )


class PanelLinear(torch.nn.Module):
    """A linear layer in bfloat16 whose weight lies in panels: tokens x in to tokens x out."""

    def __init__(self, layer: torch.nn.Linear, run: "ctypes._NamedFuncPointer") -> None:
        super().__init__()
        self._run = run
        self.in_features, self.out_features = layer.in_features, layer.out_features
        self.panels = _panels(layer.weight.detach())
        self.bias = layer.bias
        self.table = WeightTable(
            self.panels.data_ptr(),
            None if layer.bias is None else layer.bias.data_ptr(),
            layer.in_features,
            layer.out_features,
        )

    @classmethod
    def of(cls, layer: torch.nn.Linear) -> Self | None:
        """Lay out a layer; None on another processor, without a compiler, or for an odd number of inputs."""
        if layer.weight.dtype != torch.bfloat16 or layer.weight.device.type != "cpu" or layer.in_features % 2:
            return None
        kernel = _kernel()
        return None if kernel is None else cls(layer, kernel)

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        """Multiply."""
        left = rows.contiguous()
        products = left.new_empty(*rows.shape[:-1], self.out_features)
        count = left.numel() // self.in_features
        self._run(left.data_ptr(), count, ctypes.byref(self.table), products.data_ptr())
        return products


def _kernel() -> "ctypes._NamedFuncPointer | None":
    library = compile_kernel(NAME, NUMBERS[torch.bfloat16])
    if library is None:
        return None
    function = library[NAME]
    function.argtypes = (ctypes.c_void_p, ctypes.c_int64, ctypes.POINTER(WeightTable), ctypes.c_void_p)
    function.restype = None
    return function


def _panels(weight: torch.Tensor) -> torch.Tensor:
    """Reorder out x in to panels x pairs of inputs x outputs of a panel x two."""
    outputs, inputs = weight.shape
    filled = pad(weight, (0, 0, 0, -outputs % WIDE))
    return filled.view(-1, WIDE, inputs // 2, 2).transpose(1, 2).contiguous()
