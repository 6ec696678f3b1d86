"""Series of the HTTP service for Prometheus: requests, refusals and uploads by tenant.

Several processes of one `qwenq serve` count in files of one folder, so that each of them tells the sums of all. The
library chooses that when it is imported, by the environment variable that `counting_together` sets.
"""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4, CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from qwenq.schemas.measures.series import Series
from qwenq.server.watching import series

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4
_FOLDER = "PROMETHEUS_MULTIPROC_DIR"
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0, 600.0)
_REFUSED = 400


@dataclass(frozen=True, slots=True)
class Served:
    """A request that was answered. `tenant` is "-" without a good key, `reason` the code of a refusal."""

    tenant: str
    method: str
    route: str
    status: int
    seconds: float
    reason: str
    uploaded_bytes: int | None


class Metrics:
    """The series of a process. Threads may share it."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._requests = self._counter(series.REQUESTS)
        self._refusals = self._counter(series.REFUSALS)
        self._uploads = self._counter(series.UPLOADS)
        self._uploaded = self._counter(series.UPLOADED_BYTES)
        took = series.REQUEST_SECONDS
        self._seconds = Histogram(
            took.name, took.meaning, took.labels, registry=self._registry, buckets=_SECONDS
        )

    def count(self, served: Served) -> None:
        """Count a request."""
        tenant = served.tenant
        self._requests.labels(tenant, served.method, served.route, str(served.status)).inc()
        self._seconds.labels(tenant, served.route).observe(served.seconds)
        if served.status >= _REFUSED:
            self._refusals.labels(tenant, served.reason or str(served.status)).inc()
        if served.uploaded_bytes is not None:
            self._uploads.labels(tenant).inc()
            self._uploaded.labels(tenant).inc(served.uploaded_bytes)

    def _counter(self, given: Series) -> Counter:
        return Counter(given.name, given.meaning, given.labels, registry=self._registry)

    def told(self) -> bytes:
        """All series in Prometheus's text format, summed over the processes that count together."""
        if _FOLDER not in os.environ:
            return generate_latest(self._registry)
        together = CollectorRegistry()
        MultiProcessCollector(together)  # type: ignore[no-untyped-call]
        return generate_latest(together)


@contextmanager
def counting_together() -> Iterator[None]:
    """Have the processes that are started in this block count together."""
    with tempfile.TemporaryDirectory(prefix="qwenq-metrics-") as folder:
        os.environ[_FOLDER] = folder
        try:
            yield
        finally:
            del os.environ[_FOLDER]
