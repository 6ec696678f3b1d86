"""The preallocated cache: what it holds is kept when it grows, moves, and shrinks."""

from collections.abc import Callable
from typing import Any

import torch

from qwenq.worker.engines.transformers.packed.arena import CacheShape, KeyValueArena

SHAPE = CacheShape(layers=2, heads=2, group=1, head_size=3, dtype=torch.float32, device=torch.device("cpu"))


def arena_of(slots: int, columns: int) -> KeyValueArena:
    """Make an arena in which each number says its layer, slot and column."""
    arena = KeyValueArena(SHAPE)
    arena.resize(slots, columns, used=0)
    for layer in range(SHAPE.layers):
        for slot in range(slots):
            for column in range(columns):
                arena.keys[layer][slot, :, column] = 100 * (slot + 1) + column + layer / 2
                arena.values[layer][slot, :, column] = -arena.keys[layer][slot, :, column]
    return arena


def held(arena: KeyValueArena, slot: int, layer: int = 0) -> list[float]:
    """Give what the columns of a slot say, nought for nothing."""
    assert torch.equal(arena.keys[layer], -arena.values[layer])
    columns: list[float] = arena.keys[layer][slot, 0, :, 0].tolist()
    return columns


def test_it_is_empty_before_it_is_used() -> None:
    arena = KeyValueArena(SHAPE)
    assert (arena.slots, arena.columns) == (0, 0)
    assert sum(layer.nbytes for layer in (*arena.keys, *arena.values)) == 0


def test_what_the_used_slots_hold_is_kept_when_it_grows() -> None:
    arena = arena_of(slots=2, columns=3)
    arena.resize(slots=4, columns=5, used=2)
    assert [layer.shape for layer in arena.keys] == [torch.Size([4, 2, 5, 3])] * 2
    assert held(arena, 1) == [200, 201, 202, 0, 0]
    assert held(arena, 2) == [0] * 5


def test_what_still_fits_is_kept_when_it_shrinks() -> None:
    arena = arena_of(slots=4, columns=5)
    arena.resize(slots=2, columns=3, used=2)
    assert [held(arena, slot) for slot in range(2)] == [[100, 101, 102], [200, 201, 202]]


def test_slots_that_are_not_used_are_not_kept() -> None:
    arena = arena_of(slots=2, columns=2)
    arena.resize(slots=2, columns=3, used=1)
    assert held(arena, 1) == [0] * 3


def test_a_document_moves_with_its_columns_in_all_layers() -> None:
    arena = arena_of(slots=3, columns=4)
    arena.move(source=2, target=0, columns=2)
    for layer in range(SHAPE.layers):
        assert held(arena, 0, layer) == [one + layer / 2 for one in (300, 301, 102, 103)]


def test_a_cleared_slot_holds_numbers_again() -> None:
    arena = arena_of(slots=2, columns=2)
    for layer in (*arena.keys, *arena.values):
        layer[1] = float("nan")
    arena.clear(1)
    assert all(layer[1].abs().max() == 0 for layer in (*arena.keys, *arena.values))


def test_its_memory_is_given_up() -> None:
    arena = arena_of(slots=2, columns=2)
    arena.release()
    assert (arena.slots, arena.columns) == (0, 0)
    assert sum(layer.nbytes for layer in (*arena.keys, *arena.values)) == 0


def test_its_shape_is_that_of_a_model(network_of: Callable[[str], Any]) -> None:
    shape = CacheShape.of(network_of("qwen3"))
    assert (shape.layers, shape.heads, shape.head_size, shape.dtype) == (2, 2, 16, torch.float32)
