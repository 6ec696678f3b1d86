"""The preallocated KV cache: a slot for each running document, a column for each of its own tokens."""

from dataclasses import dataclass

import torch
from transformers import PreTrainedModel


@dataclass(frozen=True, slots=True)
class CacheShape:
    """The shape of one column: key-value heads of `head_size` numbers in each layer.

    `group` query heads share one key-value head.
    """

    layers: int
    heads: int
    group: int
    head_size: int
    dtype: torch.dtype
    device: torch.device

    @classmethod
    def of(cls, network: PreTrainedModel) -> "CacheShape":
        """Read the shape from a model's configuration."""
        config = network.config.get_text_config(decoder=True)
        query_heads = config.num_attention_heads
        heads = getattr(config, "num_key_value_heads", None) or query_heads
        return cls(
            layers=config.num_hidden_layers,
            heads=heads,
            group=query_heads // heads,
            head_size=getattr(config, "head_dim", None) or config.hidden_size // query_heads,
            dtype=network.dtype,
            device=network.device,
        )

    def tensor(self, *leading: int) -> torch.Tensor:
        """Allocate `leading` x head size zeros: masked columns are multiplied by zero, so they must be numbers."""
        return torch.zeros(*leading, self.head_size, dtype=self.dtype, device=self.device)


class Place:
    """Identifies a cache's current tensors. A reallocation makes a new one."""


class KVCache:
    """Keys and values of all running documents: for each layer slots x heads x columns x head size.

    The first slots are in use. Whatever depends on the tensors' addresses refers weakly to `place`.
    """

    def __init__(self, shape: CacheShape) -> None:
        self._shape = shape
        self.place = Place()
        self.slots = 0
        self.columns = 0
        self.keys: list[torch.Tensor] = []
        self.values: list[torch.Tensor] = []
        self.release()

    def resize(self, slots: int, columns: int, used: int) -> None:
        """Reallocate this many slots and columns. The first `used` slots keep what fits.

        If memory runs out half-way, only `release` may be called.
        """
        used, both = min(used, self.slots), min(columns, self.columns)
        self.place = Place()  # first, so that dependents of the old place free memory for the new tensors
        self.slots, self.columns = slots, columns
        for tensors in (self.keys, self.values):
            for layer, old in enumerate(tensors):
                # Layer by layer, so that memory never holds all old and all new tensors.
                tensors[layer] = self._shape.tensor(slots, self._shape.heads, columns)
                tensors[layer][:used, :, :both] = old[:used, :, :both]

    def move(self, source: int, target: int, columns: int) -> None:
        """Copy the first `columns` of one slot to another."""
        for tensors in (self.keys, self.values):
            for layer in tensors:
                layer[target, :, :columns] = layer[source, :, :columns]

    def clear(self, slot: int) -> None:
        """Set a slot to zero, because a masked NaN would still spread."""
        for tensors in (self.keys, self.values):
            for layer in tensors:
                layer[slot : slot + 1] = 0

    def release(self) -> None:
        """Free the memory."""
        self.place = Place()
        self.slots = self.columns = 0
        self.keys = [self._shape.tensor(0, self._shape.heads, 0) for _ in range(self._shape.layers)]
        self.values = [self._shape.tensor(0, self._shape.heads, 0) for _ in range(self._shape.layers)]
