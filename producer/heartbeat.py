"""Renew a lease in a thread, since standard input may be silent for hours."""

import logging
from collections.abc import Callable
from contextlib import AbstractContextManager

from sqlalchemy import Connection

from qwenq.schemas.errors import JobGivenUp, StoreAway
from qwenq.schemas.repeating import repeating
from qwenq.store.database.store import Store

BEATS_A_LEASE = 4

_log = logging.getLogger("qwenq.producer")


def heartbeat(
    store: Store, renew: Callable[[Connection], bool], lease_seconds: float
) -> AbstractContextManager[None]:
    """Call `renew` four times in each lease, until it returns False or the block ends."""
    pause = lease_seconds / BEATS_A_LEASE

    def beat() -> float | None:
        """Renew the lease. None if it is lost; the thread that stores the rows finds that out itself."""
        try:
            with store.fleeting() as connection:
                return pause if renew(connection) else None
        except JobGivenUp:
            return None
        except StoreAway as away:
            _log.warning("the lease of the job was not renewed: %s", away)
            return pause

    return repeating("heartbeat", beat, pause)
