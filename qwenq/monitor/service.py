"""Flower as a service: its options, and its life from start to stop."""

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
"""Tasks that Flower remembers, unless FLOWER_MAX_TASKS says otherwise. It takes 10 KB for each, and its own default is
twenty times as many."""
FORGET_WORKERS_SECONDS = 86_400
"""After so long Flower forgets a worker of which it hears nothing, unless FLOWER_PURGE_OFFLINE_WORKERS says otherwise:
each start is a worker of a new name, with some twenty series in /metrics, which it would keep for ever."""

LAST_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Serving:
    """Where Flower listens, and whether its pages may change anything. Port 0 means: any that is free."""

    address: str
    port: int
    read_only: bool = False


def run_flower(settings: Settings, serving: Serving) -> None:
    """Serve Flower until TERM or Ctrl-C; the process ends soon after. Raises UnguardedFlower, CannotListen."""
    # A line for each request would say nothing, for each page asks again every other second.
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
    """Flower's application, not listening yet. Raises UnguardedFlower.

    Without credentials Flower keeps its API closed, which can end tasks and workers: so it stays.
    """
    options = _options(settings, serving)
    if not (options.basic_auth or options.auth) and not _is_loopback(serving.address):
        raise UnguardedFlower(address=serving.address)
    return Monitor(settings, options, Broker(settings).app, ROUTES)


def _options(settings: Settings, serving: Serving) -> Any:
    """Flower's options: its defaults, then FLOWER_* of the environment, then ours."""
    default_options.max_tasks = MOST_TASKS
    default_options.purge_offline_workers = FORGET_WORKERS_SECONDS
    # Our workers send events from their start: to ask all of them for it every five seconds is of no use.
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
    """End the process even if a thread still waits for a store or a broker that hangs: Python would wait for it."""
    timer = threading.Timer(LAST_SECONDS, os._exit, (0,))
    timer.daemon = True
    timer.start()
