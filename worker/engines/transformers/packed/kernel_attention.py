"""Decode attention in C, on a CPU. It reads only the columns that a row sees."""

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import torch

from qwenq.worker.engines.transformers.native import NUMBERS, compile_kernel
from qwenq.worker.engines.transformers.packed.decode_row import DecodeRow
from qwenq.worker.engines.transformers.packed.kv_cache import CacheShape, KVCache
from qwenq.worker.engines.transformers.packed.prefix import Prefix

NAME = "decode_attention"
_COUNT, _PLACE = ctypes.c_int64, ctypes.c_void_p
_ARGUMENTS = (
    *(_COUNT, _COUNT, _COUNT, ctypes.c_float, _COUNT),
    *(_PLACE, _COUNT) * 3,
    *(_PLACE,) * 10,
)


class DecodeKernel:
    """The kernel, compiled for a model's heads."""

    def __init__(self, function: "ctypes._NamedFuncPointer") -> None:
        function.argtypes, function.restype = _ARGUMENTS, None
        self.run = function

    @classmethod
    def compiled(cls, shape: CacheShape) -> "DecodeKernel | None":
        """Compile the kernel; None for another device or dtype, or without a compiler."""
        if shape.device.type != "cpu" or shape.dtype not in NUMBERS:
            return None
        definitions = {"HEAD_SIZE": shape.head_size, "GROUP": shape.group, **NUMBERS[shape.dtype]}
        library = compile_kernel(NAME, definitions)
        return cls(library[NAME]) if library is not None else None

    def attention(self, cache: KVCache, rows: Sequence[DecodeRow]) -> "KernelAttention":
        """Make the attention of one step."""
        return KernelAttention(self, cache, rows)


@dataclass(frozen=True, slots=True)
class _Prefixes:
    """Addresses of prefixes' keys and values, layers x prefixes, and how many numbers a head takes in them."""

    keys: torch.Tensor
    values: torch.Tensor
    strides: torch.Tensor
    kept: Sequence[Prefix | None]

    @classmethod
    def of(cls, prefixes: Sequence[Prefix | None], layers: int) -> Self:
        return cls(
            keys=torch.tensor(
                [[one.keys[i].data_ptr() if one else 0 for one in prefixes] for i in range(layers)]
            ),
            values=torch.tensor(
                [[one.values[i].data_ptr() if one else 0 for one in prefixes] for i in range(layers)]
            ),
            strides=torch.tensor([one.keys[0].stride(0) if one else 0 for one in prefixes]),
            kept=prefixes,
        )

    def places(self, layer: int) -> tuple[int, int, int]:
        """Return the addresses of a layer's three lists."""
        return self.keys[layer].data_ptr(), self.values[layer].data_ptr(), self.strides.data_ptr()


@dataclass(frozen=True, slots=True)
class _Layout:
    """For each row: its slot, its own columns before this token, the columns of its prefix, and which prefix."""

    slots: torch.Tensor
    filled: torch.Tensor
    shared: torch.Tensor
    chosen: torch.Tensor
    prefixes: _Prefixes

    @classmethod
    def of(cls, rows: Sequence[DecodeRow], layers: int) -> Self:
        prefixes = list(dict.fromkeys(row.prefix for row in rows))
        places = {prefix: place for place, prefix in enumerate(prefixes)}
        return cls(
            slots=torch.tensor([row.slot for row in rows]),
            filled=torch.tensor([row.filled for row in rows]),
            shared=torch.tensor([row.shared for row in rows]),
            chosen=torch.tensor([places[row.prefix] for row in rows]),
            prefixes=_Prefixes.of(prefixes, layers),
        )


@dataclass
class KernelAttention:
    """The attention of one step, layer by layer."""

    kernel: DecodeKernel
    cache: KVCache
    rows: Sequence[DecodeRow]

    @property
    def documents(self) -> int:
        """How many rows get a token."""
        return len(self.rows)

    @cached_property
    def _layout(self) -> _Layout:
        """Made by the first layer. The dense pass in C needs none."""
        return _Layout.of(self.rows, len(self.cache.keys))

    def attend(
        self,
        layer: int,
        packed: tuple[torch.Tensor, torch.Tensor, torch.Tensor],
        scaling: float,
        window: int | None,
    ) -> torch.Tensor:
        """Store the new keys and values; return each row's attention: rows x heads x size.

        `packed` are queries, keys and values: heads x rows x size.
        """
        query, key, value = (_by_row(tensor) for tensor in packed)
        keys, values, layout = self.cache.keys[layer], self.cache.values[layer], self._layout
        output = torch.empty_like(query, memory_format=torch.contiguous_format)
        self.kernel.run(
            *(self.documents, keys.shape[1], keys.shape[2], scaling, window or 0),
            *(query.data_ptr(), query.stride(0)),
            *(key.data_ptr(), key.stride(0)),
            *(value.data_ptr(), value.stride(0)),
            *(keys.data_ptr(), values.data_ptr()),
            *(layout.slots.data_ptr(), layout.filled.data_ptr(), layout.shared.data_ptr()),
            *(layout.chosen.data_ptr(), *layout.prefixes.places(layer)),
            output.data_ptr(),
        )
        return output


def _by_row(tensor: torch.Tensor) -> torch.Tensor:
    """Transpose heads x rows x size to rows x heads x size, with each row's heads contiguous."""
    turned = tensor.transpose(0, 1)
    return turned if turned.stride()[1:] == (turned.shape[2], 1) else turned.contiguous()
