"""Await the ends of questions: one thread of a process asks the store for all of them at once."""

import asyncio
import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from qwenq.schemas.errors import StoreAway
from qwenq.schemas.log.lines import exception_words
from qwenq.server.refusals import RETRY_SECONDS, Refused

LEAST_SECONDS, MOST_SECONDS = 0.02, 0.5
"""Between two looks at a question."""
OF_AGE = 0.05
"""How much later than its end a question's end is noticed, as a share of the time that it took."""
MOST_WAITING = 1_024
"""Questions that wait at a process at once."""
MOST_OF_TENANT = 512

_log = logging.getLogger("qwenq.server")


@dataclass(slots=True)
class _Awaited:
    """A question whose end is awaited in an event loop. Times are of the monotonic clock."""

    asked_at: float
    look_at: float
    loop: asyncio.AbstractEventLoop
    ended: asyncio.Future[None]

    def end(self) -> None:
        """Tell the event loop, unless it is gone."""
        with suppress(RuntimeError):
            self.loop.call_soon_threadsafe(self._set)

    def _set(self) -> None:
        if not self.ended.done():
            self.ended.set_result(None)


class Waiting:
    """The questions that wait at this process. `still_open` tells which jobs of some have not ended."""

    def __init__(self, still_open: Callable[[Collection[int]], set[int]]) -> None:
        self._still_open = still_open
        self._awaited: dict[int, _Awaited] = {}
        self._tenants: Counter[str] = Counter()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    @contextmanager
    def place(self, tenant: str) -> Iterator[None]:
        """Hold a place for a question until the block ends. Raises Refused: too many wait."""
        if self._tenants.total() >= MOST_WAITING or self._tenants[tenant] >= MOST_OF_TENANT:
            headers = {"retry-after": str(RETRY_SECONDS)}
            message = "Too many requests wait for an answer already. Try again, or send a batch."
            raise Refused(429, message, code="rate_limit_exceeded", kind="requests", headers=headers)
        self._tenants[tenant] += 1
        try:
            yield
        finally:
            self._tenants[tenant] -= 1

    @contextmanager
    def ended(self, job_id: int) -> Iterator[asyncio.Future[None]]:
        """A future that is done when the job has ended."""
        loop, now = asyncio.get_running_loop(), time.monotonic()
        awaited = _Awaited(now, now + LEAST_SECONDS, loop, loop.create_future())
        with self._changed:
            self._awaited[job_id] = awaited
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="waiting", daemon=True)
                self._thread.start()
            self._changed.notify()
        try:
            yield awaited.ended
        finally:
            with self._changed:
                del self._awaited[job_id]

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._awaited)
                due = min(one.look_at for one in self._awaited.values())
                if (left := due - time.monotonic()) > 0:
                    self._changed.wait(left)
                    continue
                awaited = dict(self._awaited)
            self._look(awaited)

    def _look(self, awaited: dict[int, _Awaited]) -> None:
        least = LEAST_SECONDS
        try:
            still_open = self._still_open(awaited)
        except StoreAway as away:
            _log.warning("%s", away)
            still_open, least = set(awaited), MOST_SECONDS
        except Exception as error:  # noqa: BLE001 - the thread must not end
            _log.warning("unforeseen: %s", exception_words(error))
            still_open, least = set(awaited), MOST_SECONDS
        now = time.monotonic()
        for job_id, one in awaited.items():
            if job_id in still_open:
                one.look_at = now + min(max((now - one.asked_at) * OF_AGE, least), MOST_SECONDS)
            else:
                one.look_at = now + MOST_SECONDS
                one.end()
