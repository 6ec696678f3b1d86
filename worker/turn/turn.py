"""A turn: from one claimed chunk until nothing is left in flight.

Requests come down from the feed through the stages to the engine, outcomes go up through them into the ledger:

    feed -> reuse -> long documents -> last of a group marked -> engine
    ledger <- reuse <- long documents <------------------------- engine
"""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import replace

from qwenq.schemas.chunks import Assignment
from qwenq.schemas.errors import WorkerStopping
from qwenq.schemas.log.events import Event
from qwenq.schemas.outcomes import Outcome
from qwenq.schemas.requests import Completion, ModelInfo, Request
from qwenq.store.database.store import Store
from qwenq.worker.keeping.ledger import Ledger
from qwenq.worker.long_documents.gauge import Gauge, TokenCounter
from qwenq.worker.long_documents.stage import LongDocumentStage
from qwenq.worker.reuse.stage import ReuseStage
from qwenq.worker.turn.claimant import Claimant
from qwenq.worker.turn.feed import Feed
from qwenq.worker.turn.resident import ResidentModel
from qwenq.worker.turn.stage import ClaimedRequests, Stage

_log = logging.getLogger("qwenq.worker")


class Turn:
    """Composes the feed and the stages of one turn; `first` is its first claim."""

    def __init__(
        self,
        store: Store,
        model: ModelInfo,
        counter: TokenCounter,
        claimant: Claimant,
        ledger: Ledger,
        first: Assignment,
    ) -> None:
        self._ledger = ledger
        self._feed = Feed(claimant, ledger, first, model)
        reuse = ReuseStage(store, model, ledger.add, ledger.rhythm.looked_up_at_once)
        long = LongDocumentStage(store, Gauge(counter, model.context), ledger, reuse.settle)
        self._stages: Sequence[Stage] = (reuse, long)

    def answer(self, resident: ResidentModel) -> None:
        """Have the model answer all that the turn claims; a stop breaks this off.

        Raises RequestsForgotten, StoreAway, and whatever breaks the engine.
        """
        try:
            for completion in resident.answer(self.requests(), self._ledger):
                self.complete(completion)
        except WorkerStopping as stopping:
            _log.info(Event.TURN_BROKEN_OFF, extra={"reason": stopping.reason})
        finally:
            self.close()

    def requests(self) -> Iterator[Request]:
        """What the engine is asked, for one thread to read. Waits as the feed does.

        Urgent requests come before the one that would be next. They pass by the stages: they reuse no answers, and no
        long document is split for them.
        """
        down = self._feed.claims()
        for stage in self._stages:
            down = stage.requests(down)
        for request in _mark_last(down):
            yield from _mark_last(self._feed.urgent())
            yield request

    def hurry(self) -> None:
        """Ask urgent chunks before anything else. Any thread may call it."""
        self._feed.hurry()

    def complete(self, completion: Completion) -> None:
        """Pass a completion up into the ledger, as an outcome."""
        self._stages[-1].settle(Outcome.of(completion))

    def close(self) -> None:
        """Claim nothing more. A claim that was under way is open when this returns."""
        self._feed.close()


def _mark_last(down: Iterator[ClaimedRequests | None]) -> Iterator[Request]:
    """All requests; the last one before a wait closes its group."""
    for claimed in down:
        if claimed is None:
            continue
        last: Request | None = None
        for request in claimed.requests:
            if last is not None:
                yield last
            last = request
        if last is not None and not claimed.held.is_over:
            yield replace(last, closes_group=True)
