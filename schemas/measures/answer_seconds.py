"""How long answers took, as a histogram."""

from bisect import bisect_left
from dataclasses import dataclass, field
from typing import Self

BOUNDS = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 25.0, 60.0, 120.0, 300.0, 600.0)
"""Seconds: the upper bounds of the counts. The last count has no bound."""


@dataclass(slots=True)
class AnswerSeconds:
    """A histogram of seconds with BOUNDS, and the sum of all seconds."""

    counts: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS) + 1))
    total: float = 0.0

    def add(self, seconds: float) -> None:
        """Count an answer that took `seconds`."""
        self.counts[bisect_left(BOUNDS, seconds)] += 1
        self.total += seconds

    def __iadd__(self, other: "AnswerSeconds") -> Self:
        self.counts = [mine + theirs for mine, theirs in zip(self.counts, other.counts, strict=True)]
        self.total += other.total
        return self
