"""Prompt prefixes that documents share: computed once, then read by all of them."""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field

import torch

from qwenq.worker.engines.transformers.packed.kv_cache import CacheShape

FEWEST_TOKENS = 16  # a shorter prefix saves less than it costs
MOST_KEPT = 4
MOST_CHOICES = 4  # for a group: after this many, its documents have little in common
MOST_COMPARED = 64
NEARLY = 0.8


@dataclass(slots=True, eq=False, weakref_slot=True)
class Prefix:
    """The beginning of many prompts, with its keys and values for each layer: heads x tokens x head size.

    `filled` tokens are computed. A prefix cut from a longer one shares its memory and computed tokens. The step that
    computes a prefix allocates it, so too little memory fails that step and not the choice.
    """

    ids: list[int]
    keys: list[torch.Tensor] = field(default_factory=list)
    values: list[torch.Tensor] = field(default_factory=list)
    filled: int = 0

    def __len__(self) -> int:
        return len(self.ids)

    def make_room(self, shape: CacheShape) -> None:
        """Allocate keys and values, unless they are."""
        if not self.keys:
            keys, values = (
                [shape.tensor(shape.heads, len(self)) for _ in range(shape.layers)] for _ in range(2)
            )
            self.keys, self.values = keys, values

    def cut(self, length: int) -> "Prefix":
        """Return its first `length` tokens as another prefix."""
        return Prefix(
            self.ids[:length],
            [keys[:, :length] for keys in self.keys],
            [values[:, :length] for values in self.values],
            min(self.filled, length),
        )

    def begins(self, prompt: list[int]) -> bool:
        """Whether `prompt` begins with it and is longer."""
        return len(prompt) > len(self.ids) and prompt[: len(self.ids)] == self.ids


@dataclass(slots=True)
class PrefixShelf:
    """Recent prefixes, the last used at the end. A job's next chunk begins like its last one."""

    kept: list[Prefix] = field(default_factory=list)
    choices: Counter[int] = field(default_factory=Counter)

    def find(self, prompt: list[int], group: int, others: Sequence[list[int]]) -> Prefix | None:
        """Return the prefix to use for `prompt`; None if no prefix is worth it.

        `others` are waiting prompts of its group. What `prompt` shares with them may become a new prefix.
        """
        known = max((one for one in self.kept if one.begins(prompt)), key=len, default=None)
        if known is not None and self.choices[group]:
            return self._used(known)
        if not others or self.choices[group] >= MOST_CHOICES:
            return known and self._used(known)
        self.choices[group] += 1
        length = best_shared_length(prompt, others[:: -(-len(others) // MOST_COMPARED)])
        if known is not None and len(known) >= NEARLY * length:
            return self._used(known)
        if length < FEWEST_TOKENS:
            return None
        return self._used(self._cut_of_kept(prompt[:length]) or Prefix(prompt[:length]))

    def forget(self, group: int) -> None:
        """Note that the group has ended."""
        self.choices.pop(group, None)

    def keep_only(self, in_use: Collection[Prefix]) -> None:
        """Drop the prefixes that are not in use, to free memory."""
        self.kept = [one for one in self.kept if one in in_use]

    def clear(self) -> None:
        """Drop all prefixes. Documents keep those that they use."""
        self.kept.clear()
        self.choices.clear()

    def _cut_of_kept(self, ids: list[int]) -> Prefix | None:
        """Cut a computed prefix that begins so, if there is one: nothing is left to compute."""
        for one in self.kept:
            if one.filled >= len(ids) and one.ids[: len(ids)] == ids:
                return one.cut(len(ids))
        return None

    def _used(self, prefix: Prefix) -> Prefix:
        others = [one for one in self.kept if one is not prefix]
        self.kept = [*others[1 - MOST_KEPT :], prefix]
        return prefix


def best_shared_length(prompt: list[int], others: Iterable[list[int]]) -> int:
    """Return the length of `prompt`'s beginning that saves the most tokens if the others reuse it; 0 without others."""
    lengths = sorted((shared_length(prompt, other) for other in others), reverse=True)
    savings = [length * (place + 1) for place, length in enumerate(lengths)]
    return lengths[savings.index(max(savings))] if savings else 0


def shared_length(prompt: list[int], other: list[int]) -> int:
    """Count the tokens that both begin with. The last token never counts: the answer follows from it."""
    same, most = 0, max(0, min(len(prompt), len(other)) - 1)
    while same < most:  # bisection, because comparing lists is much faster than comparing their numbers
        middle = (same + most + 1) // 2
        if prompt[same:middle] == other[same:middle]:
            same = middle
        else:
            most = middle - 1
    return same
