"""The KV cache of a padded batch: finished rows leave it, and rows of other batches join it."""

import inspect
from typing import NamedTuple, cast

import torch
from transformers import Cache, DynamicCache, PreTrainedModel
from transformers.cache_utils import DynamicLayer, LinearAttentionLayer

CACHES = ("past_key_values", "cache_params")  # the second is what Mamba calls it


def cache_argument(network: PreTrainedModel) -> str:
    """Return the name of the argument that takes the model's cache."""
    taken = inspect.signature(network.forward).parameters
    return next((name for name in CACHES if name in taken), CACHES[0])


def new_cache(network: PreTrainedModel) -> Cache:
    """Make an empty cache with the layers that the model needs."""
    return DynamicCache(config=network.config)


class CacheSize(NamedTuple):
    """Bytes that a cache takes for each column of a row, and for each row's fixed-size states."""

    column: int
    row: int


@torch.inference_mode()
def cache_size(network: PreTrainedModel) -> CacheSize:
    """Measure the size with one token."""
    cache = new_cache(network)
    token = torch.zeros(1, 1, dtype=torch.long, device=network.device)
    network(input_ids=token, **{cache_argument(network): cache})
    columns = [
        filled(layer)
        for layer in cache.layers
        if isinstance(layer, DynamicLayer) and layer.keys is not None and layer.values is not None
    ]
    states = [
        state
        for layer in cache.layers
        if isinstance(layer, LinearAttentionLayer)
        for kind in (layer.conv_states, layer.recurrent_states)
        for state in kind.values()
    ]
    return CacheSize(
        column=sum(tensor.nbytes for pair in columns for tensor in pair),
        row=sum(state.nbytes for state in states if state is not None),
    )


def is_joinable(cache: Cache) -> bool:
    """Whether rows of another batch can join: each layer keeps all columns, or a state without columns."""
    return all(type(layer) in (DynamicLayer, LinearAttentionLayer) for layer in cache.layers)


def keep_rows(cache: Cache, rows: torch.Tensor) -> None:
    """Keep only these rows."""
    # This selects in every kind of layer; `batch_select_indices` would drop linear attention's states.
    cache.reorder_cache(cast("torch.LongTensor", rows))


def drop_columns(cache: Cache, count: int) -> None:
    """Remove the first `count` columns of a joinable cache. All rows mask them."""
    for layer in cache.layers:
        if isinstance(layer, DynamicLayer):
            keys, values = filled(layer)
            layer.keys, layer.values = keys[:, :, count:], values[:, :, count:]


def append_rows(cache: Cache, other: Cache) -> None:
    """Append the rows of `other`; both are padded on the left to the same number of columns."""
    for layer, added in zip(cache.layers, other.layers, strict=True):
        if isinstance(layer, DynamicLayer) and isinstance(added, DynamicLayer):
            pairs = zip(filled(layer), filled(added), strict=True)
            layer.keys, layer.values = (_stacked(upper, lower) for upper, lower in pairs)
        elif isinstance(layer, LinearAttentionLayer) and isinstance(added, LinearAttentionLayer):
            _append_states(layer.conv_states, added.conv_states)
            _append_states(layer.recurrent_states, added.recurrent_states)
        else:
            raise TypeError(f"rows of a {type(added).__name__} cannot join a {type(layer).__name__}")


def filled(layer: DynamicLayer) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the keys and values of a layer that the model has written to."""
    return cast("torch.Tensor", layer.keys), cast("torch.Tensor", layer.values)


def _append_states(states: dict[int, torch.Tensor | None], added: dict[int, torch.Tensor | None]) -> None:
    for index, lower in added.items():
        upper = states[index]
        if upper is not None and lower is not None:
            states[index] = torch.cat([upper, lower])


def _stacked(upper: torch.Tensor, lower: torch.Tensor) -> torch.Tensor:
    """Stack two blocks of rows x heads x columns x size, aligned at the last column."""
    columns = max(upper.shape[2], lower.shape[2])
    stacked = upper.new_zeros(len(upper) + len(lower), upper.shape[1], columns, upper.shape[3])
    stacked[: len(upper), :, columns - upper.shape[2] :] = upper
    stacked[len(upper) :, :, columns - lower.shape[2] :] = lower
    return stacked
