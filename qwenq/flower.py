"""Flower as it comes, with safe defaults."""

import ipaddress
import os

from schemas.errors import UnguardedFlower
from schemas.settings import Settings
from store.broker import Broker


def run_flower(settings: Settings, address: str, port: int) -> None:
    """Serve Flower until TERM or Ctrl-C. Raises UnguardedFlower beyond loopback without credentials.

    Without credentials Flower keeps its API closed, which can end tasks and workers: so it stays.
    """
    if settings.flower_auth is None and not _is_loopback(address):
        raise UnguardedFlower(address=address)
    if settings.flower_auth is not None:
        # By the environment: an argument would show the password in the list of processes.
        os.environ["FLOWER_BASIC_AUTH"] = settings.flower_auth.get_secret_value()
    app = Broker(settings).app
    app.start(["flower", f"--address={address}", f"--port={port}"])


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return address == "localhost"
