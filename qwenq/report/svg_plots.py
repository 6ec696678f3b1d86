"""Plots of a report as SVG, each also as a sentence and as a table.

leather draws them: 30 kB of Python without dependencies, and its SVG has classes. The page's style sheet colors them
for light, dark and paper.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from xml.etree import ElementTree as ET

from leather import Axis, Chart

from qwenq.schemas.measures.histograms import Bar, Histogram
from qwenq.schemas.views.job_costs import Distributions
from qwenq.schemas.views.progress import Progress
from qwenq.wording import numbers

WIDTH, HEIGHT = 560, 250
LABELS = 6
"""The most labels on a horizontal axis."""


@dataclass(frozen=True, slots=True)
class SvgPlot:
    """A picture, its summary in a sentence, and the rows of its table under two headings."""

    title: str
    summary: str
    svg: str
    headings: tuple[str, str]
    rows: Sequence[tuple[str, str]]


def report_plots(found: Distributions, progress: Progress, average: float | None) -> list[SvgPlot]:
    """Draw a plot for each thing that was measured. `average` is the job's answer tokens a second."""
    plots = [
        _histogram_plot("Answer lengths", "tokens", found.answer_tokens, _tokens),
        _histogram_plot("Prompt lengths", "tokens", found.prompt_tokens, _tokens),
        _histogram_plot("Response times", "seconds", found.seconds, _seconds),
        _throughput_plot(progress, average),
    ]
    return [plot for plot in plots if plot is not None]


def _histogram_plot(
    title: str, unit: str, values: Histogram, range_of: Callable[[Bar], str]
) -> SvgPlot | None:
    half, high = values.bar_at(0.5), values.bar_at(0.95)
    if half is None or high is None:
        return None
    rows = [(range_of(bar), numbers.number(bar.count)) for bar in values.bars]
    answers = numbers.counted(values.count, "answer")
    summary = (
        f"{answers}, on average {numbers.number(values.mean)} {unit}{_at_most(values)}; the median is "
        f"{range_of(_within(half, values.most))}, the 95th percentile {range_of(_within(high, values.most))}."
    )
    svg = _columns(
        [bar.count for bar in values.bars], [label for label, _ in rows], unit, f"{title}. {summary}"
    )
    return SvgPlot(title, summary, svg, (unit, "answers"), rows)


def _throughput_plot(progress: Progress, average: float | None) -> SvgPlot | None:
    """Tokens a second over time. The first point is the start, so it has no speed."""
    points = progress.points[1:]
    rates = [point.tokens_per_second for point in points]
    measured = [rate for rate in rates if rate is not None]
    if not measured or not max(measured):
        return None
    title, began = "Throughput", progress.points[0].at
    summary = f"{numbers.number(average)} answer tokens a second on average{numbers.at_most(max(measured), average)}."
    labels = [numbers.duration((point.at - began).total_seconds()) for point in points]
    rows = [(label, numbers.number(rate)) for label, rate in zip(labels, rates, strict=True)]
    svg = _columns(rates, labels, "time since the first claim", f"{title}. {summary}")
    return SvgPlot(title, summary, svg, ("up to", "tokens/s"), rows)


def _columns(values: Sequence[float | None], labels: Sequence[str], heading: str, in_words: str) -> str:
    """Draw a column for each value. Columns are keyed by number, because two may have the same label."""
    step = -(-len(labels) // LABELS)
    chart = Chart()
    chart.add_columns([(str(place), value) for place, value in enumerate(values)])
    chart.set_x_axis(
        Axis(name=heading, tick_formatter=lambda _, place, __: "" if place % step else labels[place])
    )
    # Counts get no fractional ticks.
    whole = all(isinstance(value, int) for value in values)
    chart.set_y_axis(Axis(tick_formatter=lambda value, _, __: "" if whole and value % 1 else f"{value:,}"))
    svg = ET.Element("svg", {"viewBox": f"0 0 {WIDTH} {HEIGHT}", "role": "img", "aria-label": in_words})
    svg.append(chart.to_svg_group(WIDTH, HEIGHT))
    return ET.tostring(svg, encoding="unicode")


def _at_most(values: Histogram) -> str:
    most = values.most
    if most is None:
        return ""
    return f", at most {numbers.number(int(most) if most.is_integer() else most)}"


def _within(bar: Bar, most: float | None) -> Bar:
    """The bar without what is beyond the greatest value. Its end is not in the bar."""
    if most is None or (bar.end is not None and bar.end <= most):
        return bar
    end = most + 1 if most.is_integer() and bar.first.is_integer() else most
    return bar.model_copy(update={"end": end if bar.end is None else min(bar.end, end)})


def _tokens(bar: Bar) -> str:
    first = round(bar.first)
    if bar.end is None:
        return f"{first:,} and more"
    last = round(bar.end) - 1
    return f"{first:,}" if first == last else f"{first:,}-{last:,}"


def _seconds(bar: Bar) -> str:
    return f"{bar.first:g} and more" if bar.end is None else f"{bar.first:g}-{bar.end:g}"
