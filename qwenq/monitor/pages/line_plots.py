"""Line plots over time, each also as a sentence and as a table."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from math import ceil
from statistics import fmean

import orjson

from qwenq.schemas.jobs import JobStatus
from qwenq.schemas.views.fleet import SpeedPoint
from qwenq.schemas.views.progress import Progress
from qwenq.wording import numbers

MOST_ROWS = 30
_NOTHING_YET = "Nothing has been measured yet."
_NOTHING = "No tokens were generated."


@dataclass(frozen=True, slots=True)
class LinePlot:
    """One line over time. `values` are None where nothing was measured.

    `top` is the least end of the scale; None lets the scale follow the values.
    """

    id: str
    title: str
    heading: str
    summary: str
    times: Sequence[datetime]
    values: Sequence[float | None]
    top: float | None = None

    @property
    def data(self) -> str:
        """The input of plots.js, as JSON. Times are seconds since 1970."""
        return orjson.dumps(
            {
                "label": self.heading,
                "times": [moment.timestamp() for moment in self.times],
                "values": self.values,
                "top": self.top,
            }
        ).decode()

    @property
    def rows(self) -> list[tuple[str, str]]:
        """The rows of its table: at most MOST_ROWS points at even distances, with the last one."""
        measured = [
            (numbers.moment(at), numbers.number(value))
            for at, value in zip(self.times, self.values, strict=True)
            if value is not None
        ]
        step = ceil(len(measured) / MOST_ROWS) or 1
        return measured[::-1][::step][::-1]


def progress_plots(progress: Progress, job: JobStatus) -> list[LinePlot]:
    """A job's documents and tokens over time. Empty before its first claim."""
    total = job.documents.total
    points = progress.points
    if not points:
        return []
    times = [point.at for point in points]
    done = [point.documents for point in points]
    rates = [point.tokens_per_second for point in points]
    took = numbers.duration((times[-1] - times[0]).total_seconds())
    documents = f"{numbers.number(points[-1].documents)} of {numbers.counted(total, 'document')} in {took}."
    return [
        LinePlot("documents", "Progress", "Documents answered or failed", documents, times, done, total),
        LinePlot("tokens", "Speed", "Tokens/s", _speed_in_words(rates, job), times, rates),
    ]


def speed_plots(worker_id: int, points: Sequence[SpeedPoint]) -> list[LinePlot]:
    """A worker's last hour, by minute."""
    times = [point.at for point in points]
    rates = [point.tokens_per_second for point in points]
    waste = [None if point.padding_waste is None else 100 * point.padding_waste for point in points]
    measured = [share for share in waste if share is not None]
    padding = _NOTHING_YET
    if measured:
        padding = (
            f"On average {fmean(measured):.1f} % of the prompts' tokens, computed for nothing beside them."
        )
    return [
        LinePlot(
            f"speed-{worker_id}",
            "Speed",
            "Tokens/s",
            _minutes_in_words(rates),
            times,
            rates,
        ),
        LinePlot(
            f"padding-{worker_id}", "Padding waste", "Padding, % of the prompts", padding, times, waste, 1.0
        ),
    ]


def _speed_in_words(rates: Sequence[float | None], job: JobStatus) -> str:
    """The job's average is its tokens over its working time, as everywhere; a point is a mean over a minute."""
    measured = [rate for rate in rates if rate is not None]
    if not any(measured):
        return _NOTHING if job.state.ended else _NOTHING_YET
    average = numbers.number(job.tokens_per_second)
    at_most = numbers.at_most(max(measured), job.tokens_per_second)
    lately = "" if job.state.ended else f"{numbers.number(measured[-1])} tokens/s most recently, "
    return f"{lately}{average} tokens/s on average{at_most}."


def _minutes_in_words(rates: Sequence[float | None]) -> str:
    """Minutes have the same length, so that their mean is tokens over time."""
    measured = [rate for rate in rates if rate is not None]
    if not any(measured):
        return _NOTHING_YET
    last, mean, most = map(numbers.number, (measured[-1], fmean(measured), max(measured)))
    minutes = numbers.counted(len(measured), "minute")
    return f"{last} tokens/s in the last minute, {mean} on average of {minutes}, {most} at most."
