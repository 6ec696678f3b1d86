"""What the engine measured of a turn's claims, until it is written; the last may come after a claim is settled."""

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
        """Know whose metrics those of its group are."""
        self._claims[claim.chunk_id] = claim

    def add(self, metrics: BatchMetrics) -> None:
        """Take a group's metrics."""
        self._waiting[self._claims[metrics.group]].append(metrics)

    def drain(self) -> Metrics:
        """Hand out what is unwritten, to be written now."""
        taken, self._waiting = self._waiting, defaultdict(list)
        return taken

    def put_back(self, metrics: Metrics) -> None:
        """Take what could not be written."""
        for claim, some in metrics.items():
            self._waiting[claim] += some
