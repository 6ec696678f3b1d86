"""Flower as a service: its options, start and stop."""

import ipaddress
import logging
import os
import threading
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from flower.command import apply_env_options, extract_settings
from flower.options import default_options

from qwenq.monitor.application import Monitor
from qwenq.monitor.routes import ROUTES
from qwenq.schemas.errors import UnguardedFlower
from qwenq.schemas.settings import Settings
from qwenq.store.broker.broker import Broker

MOST_TASKS = 5_000
"""Tasks that Flower remembers, unless FLOWER_MAX_TASKS is set. Each takes 10 kB; Flower's default is 100,000."""
FORGET_WORKERS_SECONDS = 86_400
"""When Flower forgets an offline worker, unless FLOWER_PURGE_OFFLINE_WORKERS is set. Each start gives a worker a new
name with some twenty series in /metrics, which Flower would otherwise keep forever."""

EXIT_SECONDS = 2.0
"""Threads that still wait for a store or a broker have this long to end."""


@dataclass(frozen=True, slots=True)
class Serving:
    """Where Flower listens, and whether its pages are read-only. Port 0 chooses a free port."""

    address: str
    port: int
    read_only: bool = False


def run_flower(settings: Settings, serving: Serving) -> None:
    """Serve Flower until TERM or Ctrl-C. The process ends soon after. Raises UnguardedFlower, CannotListen."""
    # Open pages send a request every other second; a log line for each is of no use.
    logging.getLogger("tornado.access").setLevel(logging.CRITICAL)
    monitor = make_monitor(settings, serving)
    try:
        monitor.listen_and_serve()
    except KeyboardInterrupt:
        pass
    finally:
        monitor.stop()
    _end_soon()


def make_monitor(settings: Settings, serving: Serving) -> Monitor:
    """Make Flower's application, not listening yet. Raises UnguardedFlower.

    Without credentials Flower closes its API, which can end tasks and workers. qwenq leaves that as it is.
    """
    options = _options(settings, serving)
    if not (options.basic_auth or options.auth) and not _is_loopback(serving.address):
        raise UnguardedFlower(address=serving.address)
    return Monitor(settings, options, Broker(settings).app, ROUTES)


def _options(settings: Settings, serving: Serving) -> Any:
    """Flower's options: its defaults, then FLOWER_* of the environment, then ours."""
    default_options.max_tasks = MOST_TASKS
    default_options.purge_offline_workers = FORGET_WORKERS_SECONDS
    # Our workers send events from the start; Flower need not ask them every five seconds.
    default_options.enable_events = False
    apply_env_options()
    extract_settings()
    ours: dict[str, Any] = {"address": serving.address, "port": serving.port}
    if serving.read_only:
        ours["read_only"] = True
    if settings.flower_auth is not None:
        ours["basic_auth"] = [settings.flower_auth.get_secret_value()]
    return SimpleNamespace(**default_options.as_dict() | ours)


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
