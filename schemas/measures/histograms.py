"""How often values of each size are there."""

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict

_STEPS = (1.0, 1.5, 2.0, 3.0, 5.0, 7.0)
"""In each power of ten: bars that look equally wide where sizes are told by their magnitude."""

TOKEN_BOUNDS = tuple(
    step * 10.0**power for power in range(6) for step in _STEPS if (step * 10.0**power).is_integer()
)
SECOND_BOUNDS = tuple(round(step * 10.0**power, 3) for power in range(-2, 4) for step in _STEPS)


class Bar(BaseModel):
    """How many values lie from `first` on, below `end`; None is without end."""

    model_config = ConfigDict(frozen=True)

    first: float
    end: float | None
    count: int


class Histogram(BaseModel):
    """Values by size, from the first bar that holds one to the last; `total` is their sum."""

    model_config = ConfigDict(frozen=True)

    count: int = 0
    total: float = 0.0
    bars: tuple[Bar, ...] = ()

    @property
    def mean(self) -> float | None:
        """Their average, None without values."""
        return self.total / self.count if self.count else None

    def bar_at(self, share: float) -> Bar | None:
        """The bar of the value that so large a share of all is not above; None without values."""
        below = 0
        for bar in self.bars:
            below += bar.count
            if below >= share * self.count:
                return bar
        return None


def histogram(counts: Sequence[int], bounds: Sequence[float], total: float) -> Histogram:
    """A histogram of counts by bucket: below the first bound, between each two, and from the last on."""
    filled = [place for place, count in enumerate(counts) if count]
    if not filled:
        return Histogram()
    edges = (0.0, *bounds, None)
    bars = tuple(
        Bar(first=edges[place] or 0.0, end=edges[place + 1], count=counts[place])
        for place in range(filled[0], filled[-1] + 1)
    )
    return Histogram(count=sum(counts), total=total, bars=bars)
