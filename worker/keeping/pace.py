"""How fast a worker answers, measured while it does: the measure for what has not begun."""

import time
from collections.abc import Callable

HALF_LIFE_SECONDS = 10.0
"""A measurement this old counts half as much as a new one."""
STEP_SECONDS = 0.1
"""Shorter measurements are put together."""


class Pace:
    """Documents and characters a second in the last seconds of work. For one thread at a time."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._documents = self._size = self._seconds = 0.0
        self._new_documents = 0
        self._new_size = 0.0
        self._since = clock()

    def begin(self) -> None:
        """Begin to measure: the time before this was no work."""
        self._new_documents, self._new_size = 0, 0.0
        self._since = self._clock()

    def rest(self) -> None:
        """Note that nothing is being generated: the time since the last answer was no work."""
        if self._new_documents:
            self._measure()
        self.begin()

    def count(self, size: float) -> None:
        """Count an answer that was generated for a document of so many characters."""
        self._new_documents += 1
        self._new_size += size

    def seconds_for(self, documents: int, size: float) -> float | None:
        """The seconds that so many documents of so many characters in all take. None: nothing was measured yet.

        The larger estimate counts: short documents may have long answers.
        """
        self._measure()
        if not self._documents:
            return None
        by_size = size / self._size if self._size else 0.0
        return self._seconds * max(documents / self._documents, by_size)

    def _measure(self) -> None:
        passed = self._clock() - self._since
        if passed < STEP_SECONDS:
            return
        kept = 0.5 ** (passed / HALF_LIFE_SECONDS)
        self._documents = kept * self._documents + self._new_documents
        self._size = kept * self._size + self._new_size
        self._seconds = kept * self._seconds + passed
        self.begin()
