"""The store as the pages read it: in threads of their own, so that the event loop never waits for SQL."""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import TypeVar

from sqlalchemy import Connection

from qwenq.stores import open_store
from schemas.errors import QwenqError
from schemas.settings import Settings, without_passwords
from store.database import Store, database_url
from store.version import check_version

THREADS = 4
CHECK_VERSION_SECONDS = 5.0
TRY_AGAIN_SECONDS = 2.0
"""A store that is away may take seconds to say so; who asks right after is told the same at once."""

T = TypeVar("T")


class StoreReader:
    """One store for all pages, opened when it is first asked, and opened anew after it was away."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._threads = ThreadPoolExecutor(THREADS, "store")
        self._lock = Lock()
        self._store: Store | None = None
        self._checked_at = 0.0
        self._away: QwenqError | None = None
        self._away_at = 0.0

    async def read(self, query: Callable[[Connection], T]) -> T:
        """What a query finds, in one snapshot. Raises StoreAway, StoreNotCreated, StoreVersionMismatch."""
        return await self.apart(lambda: self._read(query))

    async def apart(self, work: Callable[[], T]) -> T:
        """What a function that waits for SQL or the broker returns; it runs in a thread."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    @property
    def address(self) -> str:
        """Where the store is, without its password."""
        return without_passwords(database_url(self._settings))

    def close(self) -> None:
        """Let the store go."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        with self._lock:
            self._forget()

    def _read(self, query: Callable[[Connection], T]) -> T:
        with self._opened().reading() as connection:
            return query(connection)

    def _opened(self) -> Store:
        with self._lock:
            if self._away is not None and time.monotonic() - self._away_at < TRY_AGAIN_SECONDS:
                raise self._away
            fresh = time.monotonic() - self._checked_at < CHECK_VERSION_SECONDS
            if self._store is not None and fresh:
                return self._store
            try:
                self._store = self._checked()
            except QwenqError as error:
                self._forget()
                self._away, self._away_at = error, time.monotonic()
                raise
            self._checked_at = time.monotonic()
            return self._store

    def _checked(self) -> Store:
        if self._store is None:
            return open_store(self._settings)
        check_version(self._store)
        return self._store

    def _forget(self) -> None:
        if self._store is not None:
            self._store.close()
            self._store = None
