"""Unwritten measurements of a turn's claims; a last batch may come after its claim has ended."""

from collections import defaultdict

from qwenq.schemas.chunks import Claim
from qwenq.schemas.requests import BatchMetrics
from qwenq.worker.store_process.settling import Metrics


class Measured:
    """Metrics by claim. For one thread at a time."""

    def __init__(self) -> None:
        self._claims: dict[int, Claim] = {}
        self._waiting: defaultdict[Claim, list[BatchMetrics]] = defaultdict(list)

    def expect(self, claim: Claim) -> None:
        """Expect metrics for this claim's group."""
        self._claims[claim.chunk_id] = claim

    def add(self, metrics: BatchMetrics) -> None:
        """Add a group's metrics."""
        self._waiting[self._claims[metrics.group]].append(metrics)

    def drain(self) -> Metrics:
        """Hand out what is unwritten, to be written now."""
        drained, self._waiting = self._waiting, defaultdict(list)
        return drained

    def put_back(self, metrics: Metrics) -> None:
        """Take back what could not be written."""
        for claim, some in metrics.items():
            self._waiting[claim] += some
