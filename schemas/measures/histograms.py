"""Histograms for reports."""

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict

_STEPS = (1.0, 1.5, 2.0, 3.0, 5.0, 7.0)
"""Bounds within each power of ten: the bars look equally wide on a logarithmic axis."""

TOKEN_BOUNDS = tuple(
    step * 10.0**power for power in range(6) for step in _STEPS if (step * 10.0**power).is_integer()
)
SECOND_BOUNDS = tuple(round(step * 10.0**power, 3) for power in range(-2, 4) for step in _STEPS)


class Bar(BaseModel):
    """Counts values from `first` up to, but without, `end`. None means no end."""

    model_config = ConfigDict(frozen=True)

    first: float
    end: float | None
    count: int


class Histogram(BaseModel):
    """Values by size, from the first filled bar to the last. `total` is their sum, `most` the greatest of them."""

    model_config = ConfigDict(frozen=True)

    count: int = 0
    total: float = 0.0
    most: float | None = None
    bars: tuple[Bar, ...] = ()

    @property
    def mean(self) -> float | None:
        """The average; None without values."""
        return self.total / self.count if self.count else None

    def bar_at(self, share: float) -> Bar | None:
        """Return the bar that holds this quantile, such as 0.5 for the median; None without values."""
        below = 0
        for bar in self.bars:
            below += bar.count
            if below >= share * self.count:
                return bar
        return None


def histogram(
    counts: Sequence[int], bounds: Sequence[float], total: float, most: float | None = None
) -> Histogram:
    """Make a histogram of counts: below the first bound, between bounds, and from the last bound on."""
    filled = [place for place, count in enumerate(counts) if count]
    if not filled:
        return Histogram()
    edges = (0.0, *bounds, None)
    bars = tuple(
        Bar(first=edges[place] or 0.0, end=edges[place + 1], count=counts[place])
        for place in range(filled[0], filled[-1] + 1)
    )
    return Histogram(count=sum(counts), total=total, most=most, bars=bars)
