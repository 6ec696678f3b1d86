"""`/metrics`: Flower's own series, then qwenq's."""

from typing import TYPE_CHECKING

from flower.views.monitor import Metrics
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4, generate_latest

if TYPE_CHECKING:
    from qwenq.monitor.application import Monitor


class MetricsPage(Metrics):  # type: ignore[misc]  # Flower has no types
    """Reads the store first, away from the event loop, so that telling costs it no wait."""

    application: "Monitor"

    async def get(self) -> None:
        """Tell all series in Prometheus's text format."""
        exporter = self.application.exporter
        await exporter.look()
        await super().get()
        self.write(generate_latest(exporter.registry))
        self.set_header("Content-Type", CONTENT_TYPE_PLAIN_0_0_4)
