"""`/metrics`: Flower's own series, then qwenq's."""

from typing import Protocol

from flower.views.monitor import Metrics
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4, generate_latest

from qwenq.monitor.admitted import Admitted, Host
from qwenq.monitor.metrics.exporter import Exporter


class MetricsHost(Host, Protocol):
    """What the page needs of its application."""

    exporter: Exporter


class MetricsPage(Admitted, Metrics):  # type: ignore[misc]  # Flower has no types
    """GET /metrics. The store is read in a thread first, so the event loop does not wait for it."""

    application: MetricsHost

    async def get(self) -> None:
        """Write all series in Prometheus's text format."""
        exporter = self.application.exporter
        await exporter.scrape()
        await super().get()
        self.write(generate_latest(exporter.registry))
        self.set_header("Content-Type", CONTENT_TYPE_PLAIN_0_0_4)
