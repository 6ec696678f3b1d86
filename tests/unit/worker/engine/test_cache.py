"""Rows that leave a cache, columns that are cut off, rows of another batch that join."""

import pytest
import torch
from transformers import DynamicCache

from worker.engine.cache import append_rows, drop_columns, filled, keep_rows, plain_layers

LAYERS = 2


def cache_of(rows: int, columns: int, first: int = 0) -> DynamicCache:
    """Make a cache of 2 layers and 1 head whose every cell says its row and its column from the right."""
    cache = DynamicCache()
    cells = torch.tensor(
        [[[[first + row, columns - column]] for column in range(columns)] for row in range(rows)]
    ).reshape(rows, 1, columns, 2)
    for layer in range(LAYERS):
        cache.update(cells.float(), -cells.float(), layer)
    return cache


def cells_of(cache: DynamicCache) -> list[list[list[float]]]:
    layers = plain_layers(cache)
    assert layers is not None
    keys, values = filled(layers[-1])
    assert torch.equal(keys, -values)
    cells: list[list[list[float]]] = keys[:, 0].tolist()
    return cells


def test_rows_that_are_done_leave() -> None:
    cache = cache_of(rows=4, columns=3)
    keep_rows(cache, torch.tensor([1, 3]))
    assert [[cell[0] for cell in row] for row in cells_of(cache)] == [[1, 1, 1], [3, 3, 3]]


def test_columns_are_cut_off_on_the_left() -> None:
    cache = cache_of(rows=1, columns=5)
    layers = plain_layers(cache)
    assert layers is not None
    drop_columns(layers, 2)
    assert [cell[1] for cell in cells_of(cache)[0]] == [3, 2, 1]
    assert cache.get_seq_length() == 3


@pytest.mark.parametrize(("upper", "lower"), [(2, 4), (4, 2), (3, 3)])
def test_rows_join_aligned_at_the_last_column(upper: int, lower: int) -> None:
    cache, other = cache_of(2, upper), cache_of(1, lower, first=2)
    mine, theirs = plain_layers(cache), plain_layers(other)
    assert mine is not None
    assert theirs is not None
    append_rows(mine, theirs)
    columns = max(upper, lower)
    assert cache.get_seq_length() == columns
    for row, (width, cells) in enumerate(zip((upper, upper, lower), cells_of(cache), strict=True)):
        padding = [[0, 0]] * (columns - width)
        assert cells == [*padding, *([row, width - column] for column in range(width))]
