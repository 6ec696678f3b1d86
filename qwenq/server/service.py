"""What the routes of a process work with."""

import ipaddress
from collections.abc import Collection
from dataclasses import dataclass

from qwenq.schemas.settings import Settings
from qwenq.server.batches.bell import Bell
from qwenq.store.broker.broker import Broker
from qwenq.store.database.store import Store
from qwenq.store.files.storage import Storage
from qwenq.store.life.questions import still_open


@dataclass(frozen=True, slots=True)
class Service:
    """What routes work with. No request is remembered here: any number of processes may serve the same store.

    `bell` has batches looked at. `is_local`: only programs of this machine reach it, so that it may do without keys.
    """

    settings: Settings
    store: Store
    storage: Storage
    broker: Broker
    bell: Bell
    is_local: bool

    def still_open(self, job_ids: Collection[int]) -> set[int]:
        """Those of the jobs that have not ended. Raises StoreAway."""
        with self.store.reading() as connection:
            return still_open(connection, job_ids)


def is_loopback(address: str) -> bool:
    """Whether only programs on this machine can reach an address."""
    try:
        return ipaddress.ip_address(address.strip("[]")).is_loopback
    except ValueError:
        return address == "localhost"
