"""Flower as a service: start and stop."""

import gc
import ipaddress
import logging
import os
import threading
from dataclasses import dataclass

from qwenq.access.owner_token import owner_token
from qwenq.access.users import require_strong
from qwenq.monitor.application import Monitor
from qwenq.monitor.flower_options import flower_options
from qwenq.monitor.routes import ROUTES
from qwenq.schemas.errors import UnguardedFlower
from qwenq.schemas.settings import Settings
from qwenq.store.broker.broker import Broker

GC_OBJECTS = 2_000
EXIT_SECONDS = 2.0
"""Threads that still wait for a store or a broker have this long to end."""


@dataclass(frozen=True, slots=True)
class Serving:
    """Where Flower listens, and whether all its visitors are viewers. Port 0 chooses a free port."""

    address: str
    port: int
    read_only: bool = False


def run_flower(settings: Settings, serving: Serving) -> None:
    """Serve Flower until TERM or Ctrl-C. The process ends soon after.

    Raises UnguardedFlower, WeakPassword, InvalidSetting, CannotListen.
    """
    # Open pages send a request every other second; a log line for each is of no use. Nor is one for each connection
    # that is closed for its size or slowness.
    logging.getLogger("tornado.access").setLevel(logging.CRITICAL)
    logging.getLogger("tornado.general").setLevel(logging.ERROR)
    monitor = make_monitor(settings, serving)
    # What closed connections have read is garbage in rings. Starts of commands collect more seldom.
    gc.freeze()
    gc.set_threshold(GC_OBJECTS)
    try:
        monitor.listen_and_serve()
    except KeyboardInterrupt:
        pass
    finally:
        monitor.stop()
    _end_soon()


def make_monitor(settings: Settings, serving: Serving) -> Monitor:
    """Make Flower's application, not listening yet. Raises UnguardedFlower, WeakPassword, InvalidSetting."""
    options = flower_options(settings, serving.address, serving.port, read_only=serving.read_only)
    guarded = bool(settings.flower_auth or settings.flower_viewers or options.auth)
    if not _is_loopback(serving.address):
        if not guarded:
            raise UnguardedFlower(address=serving.address)
        require_strong(settings, serving.address)
    token = None if guarded else owner_token(settings.home)
    return Monitor(settings, options, Broker(settings).app, ROUTES, token)


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return address == "localhost"


def _end_soon() -> None:
    """End the process even if a thread still waits for a hanging store or broker. Python would wait for the thread."""
    timer = threading.Timer(EXIT_SECONDS, os._exit, (0,))
    timer.daemon = True
    timer.start()
