"""A turn's next claim, beside the open ones: made on demand, or ahead."""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import NamedTuple

from qwenq.schemas.chunks import Assignment
from qwenq.schemas.errors import StoreAway
from qwenq.schemas.log.events import Event
from qwenq.worker.keeping.ledger import Ledger
from qwenq.worker.keeping.open_claim import OpenClaim
from qwenq.worker.turn.claimant import Claimant

AHEAD = 2
"""Chunks that are claimed ahead at most: where chunks are quick, a single one would come too late."""
MOST_OPEN = 32
"""Chunks that one process may hold: each costs the keeper a transaction a second, and after a crash each is answered
alone."""
MOST_URGENT = 64
"""Urgent chunks, of one document each, that one process may hold beside these."""

_log = logging.getLogger("qwenq.worker")


class Opened(NamedTuple):
    """A claim in the ledger, with what it has to answer."""

    assignment: Assignment
    held: OpenClaim


class NextClaim:
    """Claims for one turn, and opens each claim in its ledger. One thread pops; another may `close`."""

    def __init__(self, claimant: Claimant, ledger: Ledger) -> None:
        self._claimant = claimant
        self._ledger = ledger
        self._began = time.monotonic()
        self._claiming = threading.Lock()
        self._closed = False
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="next-claim")
        self._ahead: deque[Future[Opened | None]] = deque()

    @property
    def may_claim(self) -> bool:
        """Whether this turn may claim more."""
        has_time = time.monotonic() - self._began < self._ledger.rhythm.turn_seconds
        return self._ledger.wants_more and has_time and not self._closed

    @property
    def look_again_seconds(self) -> float:
        """How long to wait before the next claim."""
        rhythm = self._ledger.rhythm
        return rhythm.enough_again_seconds if self._has_enough() else rhythm.look_again_seconds

    def begin(self) -> None:
        """Claim ahead, while the engine reads what was claimed last: what is quick, or it would wait for each claim.

        Where chunks last longer, nothing is claimed ahead: another worker could answer it meanwhile.
        """
        with suppress(RuntimeError):  # closed meanwhile
            while len(self._ahead) < AHEAD and self.may_claim and self._soon_waits():
                self._ahead.append(self._thread.submit(self._claim_ahead))

    def pop(self) -> Opened | None:
        """Pop what was claimed ahead, or claim now. None: no chunk waits, or none may be claimed beside what is open.

        What was claimed ahead is open and must be answered, even when the turn may claim no more.
        """
        while self._ahead:
            if opened := self._ahead.popleft().result():
                return opened
        return self._claim()

    def pop_urgent(self) -> Opened | None:
        """Claim an urgent chunk, however much is claimed already. None: none waits, or none may be claimed."""
        open_claims = self._ledger.claims()
        if len(open_claims) >= MOST_OPEN + MOST_URGENT or any(claim.suspect for claim in open_claims):
            return None
        return self._opened(self._claimant.claim_urgent)

    def close(self) -> None:
        """Claim nothing more. A claim that was under way is open when this returns."""
        with self._claiming:
            self._closed = True
        self._thread.shutdown()

    def _soon_waits(self) -> bool:
        """Whether the engine has so little before it that a claim would come too late."""
        seconds = self._ledger.backlog().seconds
        return seconds is not None and seconds < self._ledger.rhythm.ahead_seconds

    def _has_enough(self) -> bool:
        """Whether so much is claimed and not begun that other workers should have the rest."""
        seconds = self._ledger.backlog().seconds
        return seconds is not None and seconds > self._ledger.rhythm.enough_seconds

    def _claim_ahead(self) -> Opened | None:
        return self._claim() if self._soon_waits() else None

    def _claim(self) -> Opened | None:
        if self._has_enough():
            return None
        beside = self._ledger.claims()
        if len(beside) >= MOST_OPEN or any(claim.suspect for claim in beside):
            return None
        return self._opened(self._claimant.claim_beside if beside else self._claimant.claim_next)

    def _opened(self, claim: Callable[[], Assignment | None]) -> Opened | None:
        with self._claiming:
            if not self.may_claim:
                return None
            try:
                assignment = claim()
            except StoreAway as away:
                _log.warning(Event.STORE_AWAY, extra={"reason": str(away)})
                return None
            return None if assignment is None else Opened(assignment, self._ledger.open(assignment))
