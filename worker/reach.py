"""Whether the store and the broker answer: logged when that changes, and not each time that it is so."""

import logging
import time

from qwenq.schemas.errors import BrokerAway, StoreAway
from qwenq.schemas.log.events import Event

_EVENTS = {
    StoreAway: (Event.STORE_AWAY, Event.STORE_BACK),
    BrokerAway: (Event.BROKER_AWAY, Event.BROKER_BACK),
}

_log = logging.getLogger("qwenq.worker")


class Reach:
    """What is away, and since when. For one thread."""

    def __init__(self, log: logging.Logger = _log) -> None:
        self._log = log
        self._away_since: dict[type[StoreAway | BrokerAway], float] = {}

    def note_away(self, away: StoreAway | BrokerAway) -> None:
        """Note that one of them does not answer, and why."""
        kind = type(away)
        if kind not in self._away_since:
            self._away_since[kind] = time.monotonic()
            self._log.warning(_EVENTS[kind][0], extra={"reason": str(away)})

    def note_answer(self, kind: type[StoreAway | BrokerAway]) -> None:
        """Note that the one of which this is the error answers."""
        since = self._away_since.pop(kind, None)
        if since is not None:
            self._log.info(_EVENTS[kind][1], extra={"seconds": round(time.monotonic() - since, 1)})
