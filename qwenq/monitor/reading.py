"""Reads the store for the pages, in threads of its own, so that the event loop never waits for SQL."""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import TypeVar

from sqlalchemy import Connection

from qwenq.schemas.errors import QwenqError, ServiceAway, StoreAway
from qwenq.schemas.settings import Settings
from qwenq.store.database.opening import open_store
from qwenq.store.database.store import Store, shown_address
from qwenq.store.database.version import check_version

THREADS = 4
ACTION_THREADS = 4
STATEMENT_SECONDS = 5.0
ANSWER_SECONDS = 8.0
"""A server that hangs may not even cancel its statements."""
CHECK_VERSION_SECONDS = 5.0
TRY_AGAIN_SECONDS = 2.0
"""Connecting to a store that is away may take seconds. For this long, further requests fail at once."""

T = TypeVar("T")


class StoreReader:
    """One store for all pages, opened on first use and reopened after it was away."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._threads = ThreadPoolExecutor(THREADS, "store")
        self._action_threads = ThreadPoolExecutor(ACTION_THREADS, "action")
        self._lock = Lock()
        self._store: Store | None = None
        self._checked_at = 0.0
        self._away: ServiceAway | None = None
        self._away_at = 0.0

    async def read(self, query: Callable[[Connection], T]) -> T:
        """Run a query in one snapshot. Raises StoreAway, StoreNotCreated, StoreVersionMismatch."""
        # Check this before waiting for a thread: all of them may hang.
        self._raise_if_away()
        try:
            return await asyncio.wait_for(self.apart(lambda: self._read(query)), ANSWER_SECONDS)
        except TimeoutError:
            reason = f"it did not respond within {ANSWER_SECONDS:g} seconds"
            error = StoreAway(url=self.address, reason=reason, remedy="Find out what its server is busy with")
            self._remember(error)
            raise error from None

    async def apart(self, work: Callable[[], T]) -> T:
        """Run a slow function in a thread."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    async def act(self, work: Callable[[], T]) -> T:
        """Run a function that changes the store. It does not wait for pages that are reading."""
        return await asyncio.get_running_loop().run_in_executor(self._action_threads, work)

    @property
    def address(self) -> str:
        """The store's URL without its password."""
        return shown_address(self._settings)

    def close(self) -> None:
        """Close the store."""
        for threads in (self._threads, self._action_threads):
            threads.shutdown(wait=False, cancel_futures=True)
        # A thread that opens a hanging store holds the lock. Do not wait for it.
        if self._lock.acquire(blocking=False):
            self._forget()
            self._lock.release()

    def _read(self, query: Callable[[Connection], T]) -> T:
        try:
            with self._opened().reading() as connection:
                return query(connection)
        except ServiceAway as error:
            if error is not self._away:
                self._remember(error)
            raise

    def _remember(self, error: ServiceAway) -> None:
        self._away, self._away_at = error, time.monotonic()

    def _raise_if_away(self) -> None:
        if self._away is not None and time.monotonic() - self._away_at < TRY_AGAIN_SECONDS:
            raise self._away

    def _opened(self) -> Store:
        with self._lock:
            self._raise_if_away()
            fresh = time.monotonic() - self._checked_at < CHECK_VERSION_SECONDS
            if self._store is not None and fresh:
                return self._store
            try:
                self._store = self._checked()
            except QwenqError:
                self._forget()
                raise
            self._checked_at = time.monotonic()
            return self._store

    def _checked(self) -> Store:
        if self._store is None:
            return open_store(self._settings, STATEMENT_SECONDS)
        check_version(self._store)
        return self._store

    def _forget(self) -> None:
        if self._store is not None:
            self._store.close()
            self._store = None
