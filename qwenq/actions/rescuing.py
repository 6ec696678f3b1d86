"""Rescue by `qwenq status`: expired claims are put back, and waiting chunks announced."""

import time

from qwenq.schemas.errors import BrokerAway, StoreAway
from qwenq.schemas.settings import Settings
from qwenq.store.database.opening import open_made_store
from qwenq.store.database.store import Store
from qwenq.store.life.rescue import rescue_expired
from qwenq.store.views.fleet.workers import ALIVE_SECONDS
from qwenq.store.views.work import stranded

UNANNOUNCED_SECONDS = 5.0
"""How long `submit` itself may take to announce its chunks."""


class Rescuer:
    """Looks for stranded chunks. Writes only when it finds some."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._next = 0.0

    def put_back(self) -> None:
        """Put expired claims back into the queue, so that no status calls them running. Raises StoreAway."""
        with open_made_store(self._settings) as store:
            with store.reading() as connection:
                if not stranded.has_lost_claims(connection):
                    return
            with store.writing() as connection:
                rescue_expired(connection, self._settings.max_crashes)

    def announce(self) -> str | None:
        """Announce waiting chunks that no worker can know. Returns why the broker refused, or None. Raises StoreAway.

        Celery is imported only if there are such chunks: the import takes longer than the rest of a status.
        """
        with open_made_store(self._settings) as store:
            if not self._has_silent(store):
                return None
            from qwenq.store.broker.broker import Broker
            from qwenq.store.broker.reconcile import reconcile

            try:
                with Broker(self._settings) as broker:
                    reconcile(store, broker, self._settings)
            except BrokerAway as away:
                return str(away)
            return None

    def look_sometimes(self) -> None:
        """Do both every half lease. Ignores a store that is away: the next look comes soon."""
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + self._settings.lease_seconds / 2
        try:
            self.put_back()
            self.announce()
        except StoreAway:
            return

    def _has_silent(self, store: Store) -> bool:
        with store.reading() as connection:
            return stranded.has_unannounced(connection, UNANNOUNCED_SECONDS) or stranded.has_unserved(
                connection, self._settings.lease_seconds, ALIVE_SECONDS
            )
