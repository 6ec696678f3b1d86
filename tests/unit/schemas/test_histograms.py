"""Histograms from counts by bucket."""

import pytest

from qwenq.schemas.measures.histograms import SECOND_BOUNDS, TOKEN_BOUNDS, Bar, Histogram, histogram


def test_a_histogram_begins_and_ends_with_a_filled_bar() -> None:
    found = histogram([0, 2, 0, 5, 0], [1.0, 2.0, 3.0, 5.0], 20.0)
    assert found == Histogram(
        count=7,
        total=20.0,
        bars=(Bar(first=1, end=2, count=2), Bar(first=2, end=3, count=0), Bar(first=3, end=5, count=5)),
    )
    assert found.mean == pytest.approx(20 / 7)


def test_the_first_bar_begins_at_zero_and_the_last_has_no_end() -> None:
    found = histogram([1, 0, 1], [1.0, 2.0], 9.0)
    assert (found.bars[0].first, found.bars[-1].first, found.bars[-1].end) == (0.0, 2.0, None)


@pytest.mark.parametrize(("share", "first"), [(0.1, 1.0), (0.5, 1.0), (0.51, 2.0), (0.95, 3.0), (1.0, 3.0)])
def test_the_bar_of_a_share_is_where_that_share_is_reached(share: float, first: float) -> None:
    bar = histogram([0, 5, 4, 1], [1.0, 2.0, 3.0], 0.0).bar_at(share)
    assert bar is not None
    assert bar.first == first


def test_a_histogram_without_values_is_empty() -> None:
    empty = histogram([0, 0], [1.0], 0.0)
    assert (empty.bars, empty.mean, empty.bar_at(0.5)) == ((), None, None)


@pytest.mark.parametrize("bounds", [TOKEN_BOUNDS, SECOND_BOUNDS])
def test_histogram_bounds_rise_and_are_few(bounds: tuple[float, ...]) -> None:
    assert list(bounds) == sorted(set(bounds))
    assert len(bounds) < 60
