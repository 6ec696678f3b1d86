"""The preallocated key-value cache: a slot for each running document, a column for each of its own tokens."""

from dataclasses import dataclass

import torch
from transformers import PreTrainedModel


@dataclass(frozen=True, slots=True)
class CacheShape:
    """What one column of the cache takes: key-value heads of `head_size` numbers in each layer.

    `group` query heads read one key-value head.
    """

    layers: int
    heads: int
    group: int
    head_size: int
    dtype: torch.dtype
    device: torch.device

    @classmethod
    def of(cls, network: PreTrainedModel) -> "CacheShape":
        """Read the shape off a model's configuration."""
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
        """Make room for `leading` x head size numbers. Zeros: what is masked still takes part, times nought."""
        return torch.zeros(*leading, self.head_size, dtype=self.dtype, device=self.device)


class Place:
    """Stands for where an arena's tensors lie: another one as soon as they are made anew."""


class KeyValueArena:
    """Keys and values of all running documents; each layer's are slots x heads x columns x head size.

    The slots in use are the first ones. What is made for the tensors where they lie hangs weakly on `place`.
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
        """Make room for so many slots and columns; what the first `used` slots hold is kept, as far as it fits.

        When memory runs out half-way, only `release` is of use.
        """
        used, both = min(used, self.slots), min(columns, self.columns)
        self.place = Place()  # first: what hangs on the old one may have memory that the new tensors need
        self.slots, self.columns = slots, columns
        for tensors in (self.keys, self.values):
            for layer, old in enumerate(tensors):
                # Layer by layer: old and new never lie in memory as a whole beside each other.
                tensors[layer] = self._shape.tensor(slots, self._shape.heads, columns)
                tensors[layer][:used, :, :both] = old[:used, :, :both]

    def move(self, source: int, target: int, columns: int) -> None:
        """Copy the first `columns` of one slot into another."""
        for tensors in (self.keys, self.values):
            for layer in tensors:
                layer[target, :, :columns] = layer[source, :, :columns]

    def clear(self, slot: int) -> None:
        """Wipe a slot that holds what is not a number: not even times nought is that nought."""
        for tensors in (self.keys, self.values):
            for layer in tensors:
                layer[slot : slot + 1] = 0

    def release(self) -> None:
        """Give the memory up."""
        self.place = Place()
        self.slots = self.columns = 0
        self.keys = [self._shape.tensor(0, self._shape.heads, 0) for _ in range(self._shape.layers)]
        self.values = [self._shape.tensor(0, self._shape.heads, 0) for _ in range(self._shape.layers)]
