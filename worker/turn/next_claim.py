"""The next claim of a turn, beside those that are open: made when it is asked for, or ahead of that."""

import logging
import threading
import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress

from qwenq.schemas.chunks import Assignment, Claim
from qwenq.schemas.errors import StoreAway
from qwenq.schemas.log.events import Event
from qwenq.worker.keeping.keeper import Keeper
from qwenq.worker.turn.claimant import Claimant

TURN_SECONDS = 600.0
"""How long a turn goes on claiming: its task should end, and be acknowledged, long before its message is sent anew,
and be seen to end."""
AHEAD = 2
"""Chunks that are claimed ahead: one would be here too late, where chunks are quick."""
MOST_OPEN = 32
"""Chunks that one process may hold: each costs the keeper a transaction a second, and all stand alone after a crash."""

_log = logging.getLogger("qwenq.worker")


class NextClaim:
    """Claims for one turn, and opens what it claims. One thread takes; another may `close`."""

    def __init__(self, claimant: Claimant, keeper: Keeper) -> None:
        self._claimant = claimant
        self._keeper = keeper
        self._began = time.monotonic()
        self._claiming = threading.Lock()
        self._closed = False
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="next-claim")
        self._ahead: deque[Future[Assignment | None]] = deque()

    @property
    def may_be(self) -> bool:
        """Whether this turn may claim any more."""
        return self._keeper.wants_more and time.monotonic() - self._began < TURN_SECONDS and not self._closed

    def begin(self) -> None:
        """Claim ahead, while what was claimed last is being asked for."""
        with suppress(RuntimeError):  # closed meanwhile
            while len(self._ahead) < AHEAD and self.may_be:
                self._ahead.append(self._thread.submit(self._claim))

    def take(self) -> Assignment | None:
        """What was claimed ahead, or is claimed now. None: none waits, or none may be claimed beside what is open.

        What was claimed ahead is open, and must be answered, whether or not this turn may go on claiming.
        """
        while self._ahead:
            if assignment := self._ahead.popleft().result():
                return assignment
        return self._claim()

    def close(self) -> None:
        """Claim nothing any more. A claim that is under way is open by then."""
        with self._claiming:
            self._closed = True
        self._thread.shutdown()

    def _claim(self) -> Assignment | None:
        beside = self._keeper.claims()
        if len(beside) >= MOST_OPEN or any(claim.suspect for claim in beside):
            return None
        with self._claiming:
            if not self.may_be:
                return None
            try:
                assignment = self._take(beside)
            except StoreAway as away:
                _log.warning(Event.STORE_AWAY, extra={"reason": str(away)})
                return None
            if assignment is not None:
                self._keeper.open(assignment)
            return assignment

    def _take(self, beside: Sequence[Claim]) -> Assignment | None:
        return self._claimant.claim_beside() if beside else self._claimant.claim_next()
