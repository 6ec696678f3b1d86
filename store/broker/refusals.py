"""What came from the broker and is not ours: dropped, counted, and logged in one line a second at most."""

import logging
import threading
import time

from qwenq.schemas.log.events import Event

SHOWN_CHARACTERS = 200
SECONDS_BETWEEN_LINES = 1.0

_log = logging.getLogger("qwenq.broker")


class Refusal(ValueError):
    """A message is not ours. Its text says why, without quoting the message."""


class Refusals:
    """Counts the refused messages of this process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._next_line = 0.0
        self._unlogged = 0
        self.count = 0

    def note(self, place: str, reason: str, message: object) -> None:
        """Count a refused message, and log it unless another was logged within the last second.

        A line shows at most SHOWN_CHARACTERS of the message, escaped, and counts those since the last line.
        """
        with self._lock:
            self.count += 1
            self._unlogged += 1
            if time.monotonic() < self._next_line:
                return
            self._next_line = time.monotonic() + SECONDS_BETWEEN_LINES
            refused, self._unlogged = self._unlogged, 0
        _log.warning(
            Event.BROKER_REFUSED,
            extra={"queue": shown(place), "reason": reason, "refused": refused, "shown": shown(message)},
        )


def shown(message: object) -> str:
    """At most SHOWN_CHARACTERS of foreign text or bytes, escaped."""
    if isinstance(message, bytes):
        message = message[:SHOWN_CHARACTERS].decode("utf-8", "backslashreplace")
    return ascii(str(message)[:SHOWN_CHARACTERS])[1:-1][:SHOWN_CHARACTERS]


REFUSALS = Refusals()
