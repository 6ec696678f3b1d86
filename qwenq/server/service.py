"""What the routes of a process work with."""

import ipaddress
from dataclasses import dataclass

from qwenq.schemas.settings import Settings
from qwenq.server.batches.caretaker import Caretaker
from qwenq.store.database.store import Store
from qwenq.store.files.storage import Storage


@dataclass(frozen=True, slots=True)
class Service:
    """What routes work with. No request is remembered here: any number of processes may serve the same store.

    `is_local`: only programs of this machine reach it, so that it may do without keys.
    """

    settings: Settings
    store: Store
    storage: Storage
    caretaker: Caretaker
    is_local: bool


def is_loopback(address: str) -> bool:
    """Whether only programs on this machine can reach an address."""
    try:
        return ipaddress.ip_address(address.strip("[]")).is_loopback
    except ValueError:
        return address == "localhost"
