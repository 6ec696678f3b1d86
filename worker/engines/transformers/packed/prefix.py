"""Prompt prefixes that documents share: computed once, then read by each of them."""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field

import torch

from qwenq.worker.engines.transformers.packed.arena import CacheShape

FEWEST_TOKENS = 16  # below, sharing saves less than it costs to keep apart
MOST_KEPT = 4
MOST_CHOICES = 4  # for a group: where these missed, its documents have little in common
MOST_COMPARED = 64
NEARLY = 0.8


@dataclass(slots=True, eq=False, weakref_slot=True)
class Prefix:
    """The beginning of many prompts, with its keys and values by layer: heads x tokens x head size.

    `filled` tokens are computed. A prefix cut from a longer one shares its memory, and what is computed of it.
    Memory is taken by the step that computes it: where there is too little, that step fails and not the choice.
    """

    ids: list[int]
    keys: list[torch.Tensor] = field(default_factory=list)
    values: list[torch.Tensor] = field(default_factory=list)
    filled: int = 0

    def __len__(self) -> int:
        return len(self.ids)

    def make_room(self, shape: CacheShape) -> None:
        """Take the memory for its keys and values, unless it has it."""
        if not self.keys:
            keys, values = (
                [shape.tensor(shape.heads, len(self)) for _ in range(shape.layers)] for _ in range(2)
            )
            self.keys, self.values = keys, values

    def cut(self, length: int) -> "Prefix":
        """Give its first `length` tokens as a prefix of their own."""
        return Prefix(
            self.ids[:length],
            [keys[:, :length] for keys in self.keys],
            [values[:, :length] for values in self.values],
            min(self.filled, length),
        )

    def begins(self, prompt: list[int]) -> bool:
        """Whether `prompt` begins with it and goes on."""
        return len(prompt) > len(self.ids) and prompt[: len(self.ids)] == self.ids


@dataclass(slots=True)
class PrefixShelf:
    """The prefixes of late, the last used at the end: a job's next chunk begins as its last one did."""

    kept: list[Prefix] = field(default_factory=list)
    choices: Counter[int] = field(default_factory=Counter)

    def find(self, prompt: list[int], group: int, others: Sequence[list[int]]) -> Prefix | None:
        """Give the prefix to use for `prompt`; None when none is worth it.

        `others` are the prompts of its group that wait beside it: what it shares with them may make a new prefix.
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
        """Let those go that nobody reads now: their memory is wanted."""
        self.kept = [one for one in self.kept if one in in_use]

    def clear(self) -> None:
        """Let all of them go; those still in use stay with their documents."""
        self.kept.clear()
        self.choices.clear()

    def _cut_of_kept(self, ids: list[int]) -> Prefix | None:
        """Look for a computed prefix that begins so: nothing is left to compute then."""
        for one in self.kept:
            if one.filled >= len(ids) and one.ids[: len(ids)] == ids:
                return one.cut(len(ids))
        return None

    def _used(self, prefix: Prefix) -> Prefix:
        others = [one for one in self.kept if one is not prefix]
        self.kept = [*others[1 - MOST_KEPT :], prefix]
        return prefix


def best_shared_length(prompt: list[int], others: Iterable[list[int]]) -> int:
    """Give the length of `prompt`'s beginning that saves the most tokens when the others reuse it; 0 if none."""
    lengths = sorted((shared_length(prompt, other) for other in others), reverse=True)
    savings = [length * (place + 1) for place, length in enumerate(lengths)]
    return lengths[savings.index(max(savings))] if savings else 0


def shared_length(prompt: list[int], other: list[int]) -> int:
    """Count the tokens with which both begin; at most all but the last, from which the answer follows."""
    same, most = 0, max(0, min(len(prompt), len(other)) - 1)
    while same < most:  # by halves: comparing lists is fast, comparing numbers one by one is not
        middle = (same + most + 1) // 2
        if prompt[same:middle] == other[same:middle]:
            same = middle
        else:
            most = middle - 1
    return same
