"""Renew a lease in a thread, since standard input may be silent for hours."""

import logging
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

from sqlalchemy import Connection

from qwenq.schemas.errors import JobGivenUp, StoreAway
from qwenq.store.database.store import Store

BEATS_A_LEASE = 4

_log = logging.getLogger("qwenq.producer")


class Heartbeat:
    """Calls `renew` four times in each lease, until it returns False or the block ends."""

    def __init__(self, store: Store, renew: Callable[[Connection], bool], lease_seconds: float) -> None:
        self._store = store
        self._renew = renew
        self._lease_seconds = lease_seconds
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        wanted = True
        while wanted and not self._ended.wait(self._lease_seconds / BEATS_A_LEASE):
            wanted = self._beat()

    def _beat(self) -> bool:
        """Renew the lease. False if it is lost; the thread that stores the rows finds that out itself."""
        try:
            with self._store.fleeting() as connection:
                return self._renew(connection)
        except JobGivenUp:
            return False
        except StoreAway as away:
            _log.warning("the lease of the job was not renewed: %s", away)
            return True
