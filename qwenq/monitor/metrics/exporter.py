"""qwenq's series for Prometheus: read from the store at each scrape, once for all scrapes at the same time."""

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
from qwenq.monitor.metrics.tally import Tally
from qwenq.monitor.reading import StoreReader
from qwenq.schemas.errors import QwenqError
from qwenq.schemas.measures.series import Series
from qwenq.schemas.states import DocumentState, JobState
from qwenq.schemas.views.fleet import FleetWorker, WorkerCondition
from qwenq.schemas.views.gauges import Gauges, RestedJobs, Waiting
from qwenq.store.views.monitoring.gauges import read_gauges

LONGEST_SECONDS = 3.0
"""A store that takes longer counts as away. Prometheus waits ten seconds, and other scrapes may queue behind this."""
_GONE = frozenset({WorkerCondition.LOST, WorkerCondition.STOPPED, WorkerCondition.FAILED})
_NOTHING = Waiting(chunks=0, documents=0, oldest_seconds=0.0)
_OF_WORKER = {
    series.WORKER_MEMORY: "resident_bytes",
    series.GPU_MEMORY: "gpu_bytes",
    series.GPU_TOTAL: "gpu_total_bytes",
}

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Scrape:
    """What one reading of the store found, and how many seconds it took."""

    gauges: Gauges
    seconds: float


class Exporter(Collector):
    """Exports what the latest scrape found, from a registry of its own. Use it from the event loop's thread only."""

    def __init__(self, reader: StoreReader) -> None:
        self.registry = CollectorRegistry()
        self.registry.register(self)
        self._reader = reader
        self._reading: asyncio.Task[Scrape | None] | None = None
        self._latest: Scrape | None = None
        self._tally = Tally()

    def describe(self) -> Iterable[Metric]:
        """Describe no series, so that registering does not read the store."""
        return ()

    async def scrape(self) -> None:
        """Read the store. If it is away or too slow, qwenq_store_up becomes 0; nothing is raised."""
        if self._reading is None or self._reading.done():
            self._reading = asyncio.create_task(self._read())
        reading = self._reading
        if not (await asyncio.wait((reading,), timeout=LONGEST_SECONDS))[0]:
            self._latest = None
        elif self._reading is reading:
            # Otherwise another request, which waited for the same reading, has taken its result.
            self._reading, self._latest = None, reading.result()
            if self._latest is not None:
                self._tally.add(self._latest.gauges)

    async def end(self) -> None:
        """Drop a reading that still waits for the store."""
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.wait((self._reading,))

    def collect(self) -> Iterator[Metric]:
        """Yield all series. While the store is away, the gauges are left out."""
        yield _gauge(series.STORE_UP, [((), self._latest is not None)])
        if self._latest is not None:
            yield _gauge(series.READ_SECONDS, [((), self._latest.seconds)])
            yield from _gauges(self._latest.gauges, self._tally.label_of)
        yield from self._tally.families()

    async def _read(self) -> Scrape | None:
        after = self._tally.after_batch
        # After an outage nothing is carried over: it may be another store, or a restored copy.
        rested = self._latest.gauges.rested if self._latest else None
        try:
            return await self._reader.read(lambda connection: _scraped(connection, after, rested))
        except QwenqError as error:
            _log.warning("/metrics without the store: %s", error)
        except Exception:  # noqa: BLE001 - a fault of ours must not hide Flower's own series
            _log.exception("/metrics without the store")
        return None


def _scraped(connection: Connection, after_batch: int | None, rested: RestedJobs | None) -> Scrape:
    began = time.perf_counter()
    gauges = read_gauges(connection, after_batch, rested)
    return Scrape(gauges, time.perf_counter() - began)


def _gauges(gauges: Gauges, label_of: Callable[[str], str]) -> Iterator[Metric]:
    yield _gauge(series.JOBS, (((state,), gauges.jobs.get(state, 0)) for state in JobState))
    for family, counted in (
        (series.DOCUMENTS, gauges.documents),
        (series.OPEN_DOCUMENTS, gauges.open_documents),
    ):
        yield _gauge(family, (((state,), counted.get(state, 0)) for state in DocumentState))
    yield _gauge(series.INCOMPLETE, (((cause,), answers) for cause, answers in gauges.incomplete.items()))
    yield _gauge(series.POISON, [((), gauges.poison_documents)])
    # Zero where a worker has nothing to do: a gap would look like missing data.
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
    # The fleet lists the newest worker of a name first; only that one can be alive.
    alive = {(one.name, label_of(one.model)): one for one in reversed(workers) if one.condition not in _GONE}
    for family, column in _OF_WORKER.items():
        values = ((labels, getattr(one, column)) for labels, one in alive.items())
        yield _gauge(family, ((labels, value) for labels, value in values if value is not None))


def _gauge(given: Series, values: Iterable[tuple[tuple[str, ...], float]]) -> Metric:
    family = GaugeMetricFamily(given.name, given.meaning, labels=given.labels)
    for labels, value in values:
        family.add_metric(labels, value)
    return family
