"""Rows leave a cache or join it, and columns are cut off."""

from collections.abc import Callable
from typing import Any, cast

import pytest
import torch
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer

from qwenq.worker.engines.transformers.padded.cache import (
    append_rows,
    cache_size,
    drop_columns,
    filled,
    is_joinable,
    keep_rows,
    new_cache,
)

LAYERS = 2


def cache_of(rows: int, columns: int, first: int = 0) -> DynamicCache:
    """Make a cache of 2 layers and 1 head whose cells encode row and column from the right."""
    cache = DynamicCache()
    cells = torch.tensor(
        [[[[first + row, columns - column]] for column in range(columns)] for row in range(rows)]
    ).reshape(rows, 1, columns, 2)
    for layer in range(LAYERS):
        cache.update(cells.float(), -cells.float(), layer)
    return cache


def cells_of(cache: DynamicCache) -> list[list[list[float]]]:
    keys, values = filled(cast("DynamicLayer", cache.layers[-1]))
    assert torch.equal(keys, -values)
    cells: list[list[list[float]]] = keys[:, 0].tolist()
    return cells


def test_finished_rows_leave_the_cache() -> None:
    cache = cache_of(rows=4, columns=3)
    keep_rows(cache, torch.tensor([1, 3]))
    assert [[cell[0] for cell in row] for row in cells_of(cache)] == [[1, 1, 1], [3, 3, 3]]


def test_columns_are_cut_off_on_the_left() -> None:
    cache = cache_of(rows=1, columns=5)
    drop_columns(cache, 2)
    assert [cell[1] for cell in cells_of(cache)[0]] == [3, 2, 1]
    assert cache.get_seq_length() == 3


@pytest.mark.parametrize(("upper", "lower"), [(2, 4), (4, 2), (3, 3)])
def test_rows_join_aligned_at_the_last_column(upper: int, lower: int) -> None:
    cache, other = cache_of(2, upper), cache_of(1, lower, first=2)
    append_rows(cache, other)
    columns = max(upper, lower)
    assert cache.get_seq_length() == columns
    for row, (width, cells) in enumerate(zip((upper, upper, lower), cells_of(cache), strict=True)):
        padding = [[0, 0]] * (columns - width)
        assert cells == [*padding, *([row, width - column] for column in range(width))]


@pytest.mark.parametrize(("name", "joinable"), [("qwen3", True), ("qwen3_5", True), ("sliding", False)])
def test_caches_whose_layers_keep_all_columns_are_joinable(
    name: str, joinable: bool, network_of: Callable[[str], Any]
) -> None:
    assert is_joinable(new_cache(network_of(name))) is joinable


def test_states_of_linear_attention_join(network_of: Callable[[str], Any]) -> None:
    network = network_of("qwen3_5")
    caches = [new_cache(network), new_cache(network)]
    with torch.inference_mode():
        for seed, cache in enumerate(caches):
            ids = torch.randint(0, 400, (2, 5), generator=torch.Generator().manual_seed(seed))
            network(input_ids=ids, past_key_values=cache)
        states: Any = [cache.layers[0] for cache in caches]
        wanted = {index: torch.cat([one.recurrent_states[index] for one in states]) for index in (0,)}
        append_rows(*caches)
    assert torch.equal(states[0].recurrent_states[0], wanted[0])
    assert len(states[0].conv_states[0]) == 4


def test_rows_of_unlike_caches_are_refused(network_of: Callable[[str], Any]) -> None:
    with pytest.raises(TypeError, match="cannot join"):
        append_rows(new_cache(network_of("qwen3_5")), new_cache(network_of("qwen3")))


# Two layers, keys and values, two heads of 16 numbers of 4 bytes. In the hybrid, one layer has no columns: it keeps 4
# numbers of each of 128 channels, and 4 heads of 16 x 16.
@pytest.mark.parametrize(
    ("name", "size"), [("qwen3", (512, 0)), ("sliding", (512, 0)), ("qwen3_5", (256, 2_048 + 4_096))]
)
def test_the_size_of_columns_and_states_is_measured(
    name: str, size: tuple[int, int], network_of: Callable[[str], Any]
) -> None:
    assert cache_size(network_of(name)) == size
