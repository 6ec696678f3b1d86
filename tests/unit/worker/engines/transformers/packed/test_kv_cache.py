"""The KV cache keeps its contents when it grows, moves, and shrinks."""

from collections.abc import Callable
from typing import Any

import torch

from qwenq.worker.engines.transformers.packed.kv_cache import CacheShape, KVCache

SHAPE = CacheShape(layers=2, heads=2, group=1, head_size=3, dtype=torch.float32, device=torch.device("cpu"))


def arena_of(slots: int, columns: int) -> KVCache:
    """Make a cache whose numbers encode layer, slot and column."""
    cache = KVCache(SHAPE)
    cache.resize(slots, columns, used=0)
    for layer in range(SHAPE.layers):
        for slot in range(slots):
            for column in range(columns):
                cache.keys[layer][slot, :, column] = 100 * (slot + 1) + column + layer / 2
                cache.values[layer][slot, :, column] = -cache.keys[layer][slot, :, column]
    return cache


def held(cache: KVCache, slot: int, layer: int = 0) -> list[float]:
    """Return the columns of a slot, decoded; 0 if empty."""
    assert torch.equal(cache.keys[layer], -cache.values[layer])
    columns: list[float] = cache.keys[layer][slot, 0, :, 0].tolist()
    return columns


def test_a_new_cache_is_empty() -> None:
    cache = KVCache(SHAPE)
    assert (cache.slots, cache.columns) == (0, 0)
    assert sum(layer.nbytes for layer in (*cache.keys, *cache.values)) == 0


def test_growing_keeps_the_used_slots() -> None:
    cache = arena_of(slots=2, columns=3)
    cache.resize(slots=4, columns=5, used=2)
    assert [layer.shape for layer in cache.keys] == [torch.Size([4, 2, 5, 3])] * 2
    assert held(cache, 1) == [200, 201, 202, 0, 0]
    assert held(cache, 2) == [0] * 5


def test_shrinking_keeps_what_still_fits() -> None:
    cache = arena_of(slots=4, columns=5)
    cache.resize(slots=2, columns=3, used=2)
    assert [held(cache, slot) for slot in range(2)] == [[100, 101, 102], [200, 201, 202]]


def test_resizing_does_not_keep_unused_slots() -> None:
    cache = arena_of(slots=2, columns=2)
    cache.resize(slots=2, columns=3, used=1)
    assert held(cache, 1) == [0] * 3


def test_a_document_moves_with_its_columns_in_all_layers() -> None:
    cache = arena_of(slots=3, columns=4)
    cache.move(source=2, target=0, columns=2)
    for layer in range(SHAPE.layers):
        assert held(cache, 0, layer) == [one + layer / 2 for one in (300, 301, 102, 103)]


def test_a_cleared_slot_holds_numbers_again() -> None:
    cache = arena_of(slots=2, columns=2)
    for layer in (*cache.keys, *cache.values):
        layer[1] = float("nan")
    cache.clear(1)
    assert all(layer[1].abs().max() == 0 for layer in (*cache.keys, *cache.values))


def test_releasing_the_cache_frees_its_memory() -> None:
    cache = arena_of(slots=2, columns=2)
    cache.release()
    assert (cache.slots, cache.columns) == (0, 0)
    assert sum(layer.nbytes for layer in (*cache.keys, *cache.values)) == 0


def test_the_shape_of_a_cache_follows_from_the_model(network_of: Callable[[str], Any]) -> None:
    shape = CacheShape.of(network_of("qwen3"))
    assert (shape.layers, shape.heads, shape.head_size, shape.dtype) == (2, 2, 16, torch.float32)
