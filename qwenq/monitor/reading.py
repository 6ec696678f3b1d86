"""The store as the pages read it: in threads of their own, so that the event loop never waits for SQL."""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import TypeVar

from sqlalchemy import Connection

from qwenq.schemas.errors import QwenqError, ServiceAway, StoreAway
from qwenq.schemas.settings import Settings, without_passwords
from qwenq.store.database.opening import open_store
from qwenq.store.database.store import Store, database_url
from qwenq.store.database.version import check_version

THREADS = 4
ACTION_THREADS = 4
STATEMENT_SECONDS = 5.0
ANSWER_SECONDS = 8.0
"""A server that hangs does not even give its statements up."""
CHECK_VERSION_SECONDS = 5.0
TRY_AGAIN_SECONDS = 2.0
"""A store that is away may take seconds to say so; who asks right after is told the same at once."""

T = TypeVar("T")


class StoreReader:
    """One store for all pages, opened when it is first asked, and opened anew after it was away."""

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
        """What a query finds, in one snapshot. Raises StoreAway, StoreNotCreated, StoreVersionMismatch."""
        # Before a thread is waited for: all of them may hang.
        self._raise_if_away()
        try:
            return await asyncio.wait_for(self.apart(lambda: self._read(query)), ANSWER_SECONDS)
        except TimeoutError:
            reason = f"it said nothing for {ANSWER_SECONDS:g} seconds"
            error = StoreAway(url=self.address, reason=reason, remedy="See what its server is busy with")
            self._remember(error)
            raise error from None

    async def apart(self, work: Callable[[], T]) -> T:
        """What a function that takes its time returns; it runs in a thread."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    async def act(self, work: Callable[[], T]) -> T:
        """What a function that changes the store returns; pages that wait for the store do not hold it up."""
        return await asyncio.get_running_loop().run_in_executor(self._action_threads, work)

    @property
    def address(self) -> str:
        """Where the store is, without its password."""
        return without_passwords(database_url(self._settings))

    def close(self) -> None:
        """Let the store go."""
        for threads in (self._threads, self._action_threads):
            threads.shutdown(wait=False, cancel_futures=True)
        # Who opens a store that hangs holds the lock as long as it does.
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
