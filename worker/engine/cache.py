"""The key-value cache of a batch: rows leave it when they are done, and rows of other batches join."""

from typing import cast

import torch
from transformers import Cache, DynamicCache, PreTrainedModel
from transformers.cache_utils import DynamicLayer


def new_cache(network: PreTrainedModel) -> Cache:
    """Make an empty cache with the layers that the model needs."""
    return DynamicCache(config=network.config)


def plain_layers(cache: Cache) -> list[DynamicLayer] | None:
    """Give the layers if all keep every column, so that columns can be cut and added; else None."""
    layers = [layer for layer in cache.layers if type(layer) is DynamicLayer]
    return layers if len(layers) == len(cache.layers) else None


def keep_rows(cache: Cache, rows: torch.Tensor) -> None:
    """Keep only these rows."""
    # Selects in every kind of layer; `batch_select_indices` would forget linear attention's states.
    cache.reorder_cache(cast("torch.LongTensor", rows))


def drop_columns(layers: list[DynamicLayer], count: int) -> None:
    """Cut the first `count` columns off, which no row looks at any more."""
    for layer in layers:
        keys, values = filled(layer)
        layer.keys, layer.values = keys[:, :, count:], values[:, :, count:]


def append_rows(layers: list[DynamicLayer], others: list[DynamicLayer]) -> None:
    """Add the rows of `others` below, both padded on the left to the same number of columns."""
    for layer, other in zip(layers, others, strict=True):
        pairs = zip(filled(layer), filled(other), strict=True)
        layer.keys, layer.values = (_stacked(upper, lower) for upper, lower in pairs)


def filled(layer: DynamicLayer) -> tuple[torch.Tensor, torch.Tensor]:
    """Give keys and values of a layer that the model has written to."""
    return cast("torch.Tensor", layer.keys), cast("torch.Tensor", layer.values)


def _stacked(upper: torch.Tensor, lower: torch.Tensor) -> torch.Tensor:
    """Stack two blocks of rows x heads x columns x size, aligned at the last column."""
    columns = max(upper.shape[2], lower.shape[2])
    stacked = upper.new_zeros(len(upper) + len(lower), upper.shape[1], columns, upper.shape[3])
    stacked[: len(upper), :, columns - upper.shape[2] :] = upper
    stacked[len(upper) :, :, columns - lower.shape[2] :] = lower
    return stacked
