"""How long answers took, as a histogram."""

from bisect import bisect_left
from dataclasses import dataclass, field
from typing import Self

BOUNDS = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 25.0, 60.0, 120.0, 300.0, 600.0)
"""Seconds: the upper bounds of the counts, but for the last count, which has none."""


@dataclass(slots=True)
class AnswerSeconds:
    """How many answers took up to each of BOUNDS, from the bound below it on, and their seconds together."""

    counts: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS) + 1))
    total: float = 0.0

    def add(self, seconds: float) -> None:
        """Count an answer."""
        self.counts[bisect_left(BOUNDS, seconds)] += 1
        self.total += seconds

    def __iadd__(self, other: "AnswerSeconds") -> Self:
        self.counts = [mine + theirs for mine, theirs in zip(self.counts, other.counts, strict=True)]
        self.total += other.total
        return self
