"""Arguments of native/dense_pass.c, laid out as in native/dense_pass.h: a model's layers and a step's documents."""

import ctypes
from collections.abc import Iterator, Sequence
from typing import NamedTuple, Self

import torch

from qwenq.worker.engines.transformers.dense.panels import WeightTable
from qwenq.worker.engines.transformers.packed.prefix import Prefix
from qwenq.worker.engines.transformers.packed.step import PackedStep

_COUNT, _PLACE = ctypes.c_int64, ctypes.c_void_p


class LayerTable(ctypes.Structure):
    """`struct layer`: linear layers, norms, and how many columns a token sees."""

    _fields_ = (
        *((name, WeightTable) for name in ("query", "key", "value", "output", "gate", "up", "down")),
        *((name, _PLACE) for name in ("before_attention", "before_mlp", "query_norm", "key_norm")),
        ("window", _COUNT),
    )


class ModelTable(ctypes.Structure):
    """`struct model`."""

    _fields_ = (
        ("layers", _PLACE),
        ("norm", _PLACE),
        ("head", WeightTable),
        *((name, _COUNT) for name in ("count", "width", "heads")),
        *((name, ctypes.c_float) for name in ("epsilon", "scaling")),
    )


class StepTable(ctypes.Structure):
    """`struct step`."""

    _fields_ = (
        *(
            (name, _PLACE)
            for name in ("rows", "cosines", "sines", "spans", "places", "wanted", "logits", "room")
        ),
        *((name, _COUNT) for name in ("tokens", "count", "wanted_count")),
    )


class Spans(NamedTuple):
    """The `struct span` of each document in a step, and its `struct place` in each layer, layers x spans."""

    spans: torch.Tensor
    places: torch.Tensor

    @classmethod
    def of(cls, step: PackedStep, layers: int) -> Self:
        """Lay out the decoding rows, then the pieces of prompts."""
        prefixes = _Prefixes(layers)
        parts = [*_decoding(step, prefixes), *_pieces(step, prefixes)]
        spans = [span for part in parts for span in part.spans]
        return cls(torch.tensor(spans), torch.cat([part.places for part in parts], dim=1))


class _Part(NamedTuple):
    spans: Sequence[tuple[int, ...]]
    places: torch.Tensor


class _Prefixes:
    """Addresses of prefixes, looked up once a step: many documents share a prefix."""

    def __init__(self, layers: int) -> None:
        self._nowhere = torch.zeros(layers, 2, dtype=torch.long)
        self._known: dict[Prefix, torch.Tensor] = {}

    def places(self, prefix: Prefix | None) -> torch.Tensor:
        """Return the addresses of its keys and values, layers x 2."""
        if prefix is None:
            return self._nowhere
        if prefix not in self._known:
            self._known[prefix] = _addresses(prefix.keys, prefix.values)
        return self._known[prefix]


def _decoding(step: PackedStep, prefixes: _Prefixes) -> Iterator[_Part]:
    if step.decoding is None:
        return
    cache, rows = step.decoding.cache, step.decoding.rows
    slot, head = cache.keys[0].stride()[:2]
    starts = torch.tensor([row.slot for row in rows]).unsqueeze(1) * slot * cache.keys[0].itemsize
    own = _addresses(cache.keys, cache.values).unsqueeze(1) + starts
    shared = torch.stack([prefixes.places(row.prefix) for row in rows], dim=1)
    spans = [
        (place, 1, row.filled, row.shared, head, _head_stride(row.prefix)) for place, row in enumerate(rows)
    ]
    yield _Part(spans, torch.cat([own, shared], dim=2))


def _pieces(step: PackedStep, prefixes: _Prefixes) -> Iterator[_Part]:
    first = 0 if step.decoding is None else step.decoding.documents
    for piece in step.pieces:
        shared = piece.before - piece.start
        span = (
            first,
            len(piece.ids),
            piece.start,
            shared,
            piece.keys[0].stride(0),
            _head_stride(piece.prefix),
        )
        places = torch.cat([_addresses(piece.keys, piece.values), prefixes.places(piece.prefix)], dim=1)
        yield _Part([span], places.unsqueeze(1))
        first += len(piece.ids)


def _head_stride(prefix: Prefix | None) -> int:
    return prefix.keys[0].stride(0) if prefix is not None else 0


def _addresses(keys: Sequence[torch.Tensor], values: Sequence[torch.Tensor]) -> torch.Tensor:
    """Return the addresses, layers x 2."""
    return torch.tensor([[one.data_ptr(), other.data_ptr()] for one, other in zip(keys, values, strict=True)])
