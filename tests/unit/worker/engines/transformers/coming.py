"""Requests that come when a test allows it."""

import threading
from collections.abc import Iterable, Iterator

from qwenq.schemas.requests import Request

LONG = 60.0  # seconds: every wait ends by a signal, or the test fails


class Coming:
    """Requests that come when allowed; `asked` notes how many waited at each read."""

    def __init__(self, requests: Iterable[Request], allowed: int = 10_000) -> None:
        self.asked: list[int] = []
        self.taken = 0
        self.allowed = threading.Semaphore(allowed)
        self._requests = list(requests)
        self._progress = threading.Condition()

    def __iter__(self) -> Iterator[Request]:
        for one in self._requests:
            self._ask()
            assert self.allowed.acquire(timeout=LONG)
            yield one
        self._ask()

    def wait_asked(self, times: int) -> None:
        """Wait until so many were read: all but the last are then in the intake."""
        with self._progress:
            assert self._progress.wait_for(lambda: len(self.asked) >= times, LONG)

    def _ask(self) -> None:
        with self._progress:
            self.asked.append(len(self.asked) - self.taken)
            self._progress.notify_all()
