"""Counters and histograms: sums since Flower started, over rows that may be removed later."""

from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import accumulate

from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily
from prometheus_client.utils import floatToGoString

from qwenq.monitor.metrics import series
from qwenq.schemas.measures.answer_seconds import BOUNDS, AnswerSeconds
from qwenq.schemas.measures.series import Series
from qwenq.schemas.views.gauges import Gauges, MeasuredBatch

MOST_MODELS = 50
OTHER = "other"
"""The label of all further models. Submitters choose model names, and Prometheus keeps every label it has seen."""
SIZES = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0)


@dataclass(slots=True)
class _OfModel:
    """The sums of one model."""

    documents: int = 0
    prompt_tokens: int = 0
    prefix_tokens: int = 0
    prompt_cells: int = 0
    completion_tokens: int = 0
    device_seconds: float = 0.0
    answer_seconds: AnswerSeconds = field(default_factory=AnswerSeconds)
    sizes: list[int] = field(default_factory=lambda: [0] * (len(SIZES) + 1))
    size_total: float = 0.0

    def add(self, batch: MeasuredBatch) -> None:
        self.documents += batch.rows
        self.prompt_tokens += batch.prompt_tokens + batch.prefix_tokens
        self.prefix_tokens += batch.prefix_tokens
        self.prompt_cells += batch.padded_tokens
        self.completion_tokens += batch.new_tokens
        self.device_seconds += batch.seconds
        self.answer_seconds += batch.answer_seconds
        if batch.together:
            self.sizes[bisect_left(SIZES, batch.together)] += 1
            self.size_total += batch.together


@dataclass(slots=True)
class _Growth:
    """How much a sum grew from scrape to scrape. Rows may be removed; that does not lower it."""

    grown: int = 0
    _last: int | None = None

    def update(self, value: int) -> None:
        if self._last is not None:
            self.grown += max(0, value - self._last)
        self._last = value


@dataclass(slots=True)
class Tally:
    """The counters and histograms. `after_batch` is the last batch counted; None before the first scrape."""

    after_batch: int | None = None
    _models: dict[str, _OfModel] = field(default_factory=dict)
    _attempts: _Growth = field(default_factory=_Growth)
    _rescues: _Growth = field(default_factory=_Growth)

    def add(self, gauges: Gauges) -> None:
        """Add what a scrape found after `after_batch`."""
        self._attempts.update(gauges.attempts)
        self._rescues.update(gauges.rescues)
        active = dict.fromkeys(batch.model for batch in gauges.batches)
        active |= dict.fromkeys(worker.model for worker in gauges.workers)
        # Export zero before a model's first batch: Prometheus would otherwise miss the increase to it.
        for model in active:
            self._name(model, keep=active)
        for model in gauges.waiting.keys() - self._models.keys():
            self._name(model, keep={*self._models})
        for batch in gauges.batches:
            self._models.setdefault(self.label_of(batch.model), _OfModel()).add(batch)
        reached = gauges.batches[-1].id if gauges.batches else self.after_batch
        # SQLite reuses the ids of removed batches.
        self.after_batch = gauges.newest_batch if reached is None else min(reached, gauges.newest_batch)

    def label_of(self, model: str) -> str:
        """The label of a model."""
        return model if model in self._models else OTHER

    def families(self) -> Iterator[Metric]:
        """Yield all counters and histograms in Prometheus's types."""
        yield CounterMetricFamily(series.ATTEMPTS.name, series.ATTEMPTS.meaning, self._attempts.grown)
        yield CounterMetricFamily(series.RESCUES.name, series.RESCUES.meaning, self._rescues.grown)
        models = self._models
        yield _counter(series.GENERATED, ((name, one.documents) for name, one in models.items()))
        yield _counter(series.PROMPT_TOKENS, ((name, one.prompt_tokens) for name, one in models.items()))
        yield _counter(series.PREFIX_TOKENS, ((name, one.prefix_tokens) for name, one in models.items()))
        yield _counter(series.PROMPT_CELLS, ((name, one.prompt_cells) for name, one in models.items()))
        yield _counter(
            series.COMPLETION_TOKENS, ((name, one.completion_tokens) for name, one in models.items())
        )
        yield _counter(series.DEVICE_SECONDS, ((name, one.device_seconds) for name, one in models.items()))
        answers, sizes = _histogram(series.GENERATION_SECONDS), _histogram(series.BATCH_SIZE)
        for name, one in models.items():
            seconds = one.answer_seconds
            answers.add_metric([name], _buckets(BOUNDS, seconds.counts), seconds.total)
            sizes.add_metric([name], _buckets(SIZES, one.sizes), one.size_total)
        yield answers
        yield sizes

    def _name(self, model: str, keep: Collection[str]) -> None:
        """Make a model the most recent. If there are too many, drop the longest idle one outside `keep`."""
        named = self._models.keys() - {OTHER}
        if model not in self._models and len(named) >= MOST_MODELS:
            oldest = next((one for one in self._models if one in named and one not in keep), None)
            if oldest is None:
                return
            del self._models[oldest]
        self._models[model] = self._models.pop(model, _OfModel())


def _counter(given: Series, values: Iterable[tuple[str, float]]) -> Metric:
    family = CounterMetricFamily(given.name, given.meaning, labels=given.labels)
    for label, value in values:
        family.add_metric([label], value)
    return family


def _histogram(given: Series) -> HistogramMetricFamily:
    return HistogramMetricFamily(given.name, given.meaning, labels=given.labels)


def _buckets(bounds: Iterable[float], counts: Iterable[int]) -> list[tuple[str, float]]:
    """Cumulative buckets, as Prometheus wants them."""
    names = [*map(floatToGoString, bounds), "+Inf"]
    return list(zip(names, accumulate(counts), strict=True))
