"""Rescue by those who look: what is stranded is put back and announced when somebody asks where jobs stand."""

import time

from qwenq.schemas.errors import BrokerAway, StoreAway
from qwenq.schemas.settings import Settings
from qwenq.store.database.opening import open_store
from qwenq.store.database.store import Store
from qwenq.store.life.rescue import rescue_expired
from qwenq.store.views.fleet.workers import ALIVE_SECONDS
from qwenq.store.views.work import stranded

UNANNOUNCED_SECONDS = 5.0
"""How long `submit` itself may take to announce what it stored."""


class Rescuer:
    """Looks for what is stranded: quickly, and with a write only where there is something."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._next = 0.0

    def put_back(self) -> None:
        """Put chunks back whose worker is gone, so that no status calls them running. Raises StoreAway."""
        with open_store(self._settings) as store:
            with store.reading() as connection:
                if not stranded.has_lost_claims(connection):
                    return
            with store.writing() as connection:
                rescue_expired(connection, self._settings.max_crashes)

    def announce(self) -> str | None:
        """Announce chunks of which no worker can know. Returns why that is not possible now. Raises StoreAway.

        Celery is imported only if there are some: it would take longer than all the rest of a status.
        """
        with open_store(self._settings) as store:
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

    def look_now_and_then(self) -> None:
        """Do both each half a lease. What is away does not matter: the next look is not far."""
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
