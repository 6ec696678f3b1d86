"""qwenq's series for Prometheus: read from the store when they are asked for, and never more than once at a time."""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product

from prometheus_client import CollectorRegistry, Metric
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from sqlalchemy import Connection

from qwenq.monitor.metrics import series
from qwenq.monitor.metrics.series import Series
from qwenq.monitor.metrics.tally import Tally
from qwenq.monitor.reading import StoreReader
from qwenq.schemas.errors import QwenqError
from qwenq.schemas.states import DocumentState, JobState
from qwenq.schemas.views.fleet import FleetWorker, WorkerCondition
from qwenq.schemas.views.gauges import Gauges, RestedJobs, Waiting
from qwenq.store.views.gauges import read_gauges

LONGEST_SECONDS = 3.0
"""A store that takes longer counts as away: Prometheus waits ten seconds, and somebody else waits behind it."""
_GONE = frozenset({WorkerCondition.LOST, WorkerCondition.STOPPED, WorkerCondition.FAILED})
_NOTHING = Waiting(chunks=0, documents=0, oldest_seconds=0.0)
_OF_WORKER = {
    series.WORKER_MEMORY: "resident_bytes",
    series.GPU_MEMORY: "gpu_bytes",
    series.GPU_TOTAL: "gpu_total_bytes",
}

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Look:
    """What one look found, and what it took."""

    gauges: Gauges
    seconds: float


class Exporter(Collector):
    """Tells what the last look found. One for a Flower, in a registry of its own; for the event loop's thread alone."""

    def __init__(self, reader: StoreReader) -> None:
        self.registry = CollectorRegistry()
        self.registry.register(self)
        self._reader = reader
        self._looking: asyncio.Task[Look | None] | None = None
        self._latest: Look | None = None
        self._tally = Tally()

    def describe(self) -> Iterable[Metric]:
        """Nothing, so that registering asks nothing of the store."""
        return ()

    async def look(self) -> None:
        """Read the store anew. One that is away, or silent for too long, is told as such, and holds nobody up."""
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._read())
        looking = self._looking
        if not (await asyncio.wait((looking,), timeout=LONGEST_SECONDS))[0]:
            self._latest = None
        elif self._looking is looking:
            # Else another request, which waited for the same look, was here before.
            self._looking, self._latest = None, looking.result()
            if self._latest is not None:
                self._tally.add(self._latest.gauges)

    def collect(self) -> Iterator[Metric]:
        """All series; without the gauges while the store is away."""
        yield _gauge(series.STORE_UP, [((), self._latest is not None)])
        if self._latest is not None:
            yield _gauge(series.READ_SECONDS, [((), self._latest.seconds)])
            yield from _gauges(self._latest.gauges, self._tally.label_of)
        yield from self._tally.families()

    async def _read(self) -> Look | None:
        after = self._tally.after_batch
        # Of a store that was away nothing is taken over: it may be another one, or its copy.
        rested = self._latest.gauges.rested if self._latest else None
        try:
            return await self._reader.read(lambda connection: _look(connection, after, rested))
        except QwenqError as error:
            _log.warning("/metrics without the store: %s", error)
        except Exception:  # noqa: BLE001 - a fault of ours takes not Flower's own series with it
            _log.exception("/metrics without the store")
        return None


def _look(connection: Connection, after_batch: int | None, rested: RestedJobs | None) -> Look:
    began = time.perf_counter()
    gauges = read_gauges(connection, after_batch, rested)
    return Look(gauges, time.perf_counter() - began)


def _gauges(gauges: Gauges, label_of: Callable[[str], str]) -> Iterator[Metric]:
    yield _gauge(series.JOBS, (((state,), gauges.jobs.get(state, 0)) for state in JobState))
    for told, counted in (
        (series.DOCUMENTS, gauges.documents),
        (series.OPEN_DOCUMENTS, gauges.open_documents),
    ):
        yield _gauge(told, (((state,), counted.get(state, 0)) for state in DocumentState))
    yield _gauge(series.POISON, [((), gauges.poison_documents)])
    # Zero where a worker has nothing to do: a gap would look like no news.
    waiting = dict.fromkeys((label_of(worker.model) for worker in gauges.workers), _NOTHING)
    for model, one in gauges.waiting.items():
        waiting[label_of(model)] = waiting.get(label_of(model), _NOTHING) + one
    yield _gauge(series.WAITING_CHUNKS, (((model,), one.chunks) for model, one in waiting.items()))
    yield _gauge(series.WAITING_DOCUMENTS, (((model,), one.documents) for model, one in waiting.items()))
    yield _gauge(series.OLDEST_SECONDS, (((model,), one.oldest_seconds) for model, one in waiting.items()))
    yield from _fleet(gauges.workers, label_of)


def _fleet(workers: Sequence[FleetWorker], label_of: Callable[[str], str]) -> Iterator[Metric]:
    counted = Counter((label_of(worker.model), worker.condition) for worker in workers)
    every = product({model for model, _ in counted}, WorkerCondition)
    yield _gauge(series.WORKERS, ((labels, counted[labels]) for labels in every))
    # The newest of a name comes first in the fleet, and is the one that lives.
    alive = {(one.name, label_of(one.model)): one for one in reversed(workers) if one.condition not in _GONE}
    for told, column in _OF_WORKER.items():
        values = ((labels, getattr(one, column)) for labels, one in alive.items())
        yield _gauge(told, ((labels, value) for labels, value in values if value is not None))


def _gauge(told: Series, values: Iterable[tuple[tuple[str, ...], float]]) -> Metric:
    family = GaugeMetricFamily(told.name, told.meaning, labels=told.labels)
    for labels, value in values:
        family.add_metric(labels, value)
    return family
