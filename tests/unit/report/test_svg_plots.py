"""Plots of a report: columns, labels, sentences, tables."""

from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree as ET

import pytest

from qwenq.report.svg_plots import LABELS, SvgPlot, report_plots
from qwenq.schemas.measures.histograms import SECOND_BOUNDS, TOKEN_BOUNDS, Histogram, histogram
from qwenq.schemas.views.job_costs import Distributions
from qwenq.schemas.views.progress import Progress, ProgressPoint

BEGAN = datetime(2026, 11, 22, 2, tzinfo=UTC)


def of_counts(*counts: int) -> Histogram:
    """A histogram with these counts in its first buckets of tokens."""
    return histogram([*counts, *[0] * (len(TOKEN_BOUNDS) + 1 - len(counts))], TOKEN_BOUNDS, 1_000.0, 4.0)


def columns(plot: SvgPlot) -> list[float]:
    """The heights of the columns, as shares of the highest."""
    (series,) = [group for group in ET.fromstring(plot.svg).iter() if "series" in group.get("class", "")]
    heights = [float(column.get("height", "")) for column in series]
    return [round(height / max(heights), 2) for height in heights]


def labels(plot: SvgPlot, axis_of: str = "bottom") -> list[str]:
    """The labels of an axis."""
    (axis,) = [group for group in ET.fromstring(plot.svg).iter() if group.get("class") == f"axis {axis_of}"]
    return [text.text for group in axis if group.get("class") == "tick" for text in group.iter() if text.text]


def progress(*rates: float | None) -> Progress:
    points = [
        ProgressPoint(BEGAN + timedelta(seconds=10 * place), place, rate)
        for place, rate in enumerate((None, *rates))
    ]
    return Progress(10.0, points)


def test_a_histogram_agrees_as_picture_sentence_and_table() -> None:
    (plot,) = report_plots(Distributions(answer_tokens=of_counts(1, 4, 0, 2)), Progress(), 28.0)
    assert plot.rows == [("0", "1"), ("1", "4"), ("2", "0"), ("3-4", "2")]
    assert columns(plot) == [0.25, 1.0, 0.0, 0.5]
    assert labels(plot) == ["0", "1", "2", "3-4"]
    assert (
        plot.summary
        == "7 answers, on average 143 tokens, at most 4; the median is 1, the 95th percentile 3-4."
    )
    assert ET.fromstring(plot.svg).get("aria-label") == f"Answer lengths. {plot.summary}"


def test_an_axis_of_counts_has_whole_numbers_only() -> None:
    (plot,) = report_plots(Distributions(answer_tokens=of_counts(2, 10, 3)), Progress(), 28.0)
    assert set(labels(plot, "left")) == {"0", "5", "10"}


def test_only_some_of_many_columns_are_labelled() -> None:
    (plot,) = report_plots(Distributions(prompt_tokens=of_counts(*range(1, 26))), Progress(), 28.0)
    assert len(columns(plot)) == len(plot.rows) == 25
    assert 2 < len(labels(plot)) <= LABELS


def test_values_beyond_the_last_bound_have_no_upper_end() -> None:
    beyond = histogram([*[0] * len(SECOND_BOUNDS), 3], SECOND_BOUNDS, 60_000.0)
    (plot,) = report_plots(Distributions(seconds=beyond), Progress(), 28.0)
    assert plot.rows == [("7000 and more", "3")]
    assert "the median is 7000 and more" in plot.summary


@pytest.mark.parametrize(
    ("most", "said"), [(512, "500-512"), (500, "500"), (699, "500-699"), (None, "500-699")]
)
def test_a_quantile_is_told_as_a_range_that_ends_with_the_greatest_value(
    most: float | None, said: str
) -> None:
    place = TOKEN_BOUNDS.index(500)
    found = histogram(
        [*[0] * (place + 1), 3, *[0] * (len(TOKEN_BOUNDS) - place - 1)], TOKEN_BOUNDS, 1_530.0, most
    )
    (plot,) = report_plots(Distributions(answer_tokens=found), Progress(), None)
    assert plot.summary.endswith(f"the median is {said}, the 95th percentile {said}.")


def test_throughput_is_drawn_over_time_without_unmeasured_points() -> None:
    (plot,) = report_plots(Distributions(), progress(10.0, 40.0, 40.0, None), 28.0)
    assert columns(plot) == [0.25, 1.0, 1.0]
    assert [name for name, _ in plot.rows] == ["10 s", "20 s", "30 s", "40 s"]
    assert plot.summary == "28 answer tokens a second on average, at most 40 over a minute."


@pytest.mark.parametrize("given", [Progress(), progress(), progress(None), progress(0.0, 0.0)])
def test_a_report_without_measurements_has_no_plot(given: Progress) -> None:
    assert report_plots(Distributions(), given, 28.0) == []
