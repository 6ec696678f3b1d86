"""Whether the store and the broker answer: logged only when that changes."""

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
    """Remembers what is away, and since when. For one thread."""

    def __init__(self, log: logging.Logger = _log) -> None:
        self._log = log
        self._away_since: dict[type[StoreAway | BrokerAway], float] = {}
        self.broker_error: str | None = None
        """Why the broker does not answer. None: it does."""

    def note_away(self, away: StoreAway | BrokerAway) -> None:
        """Note that store or broker does not answer, and why."""
        kind = type(away)
        if isinstance(away, BrokerAway):
            self.broker_error = f"{away.url} does not answer as it should: {away.reason}"
        if kind not in self._away_since:
            self._away_since[kind] = time.monotonic()
            self._log.warning(_EVENTS[kind][0], extra={"reason": str(away)})

    def note_answer(self, kind: type[StoreAway | BrokerAway]) -> None:
        """Note that a service answers: the store for StoreAway, the broker for BrokerAway."""
        if kind is BrokerAway:
            self.broker_error = None
        since = self._away_since.pop(kind, None)
        if since is not None:
            self._log.info(_EVENTS[kind][1], extra={"seconds": round(time.monotonic() - since, 1)})
