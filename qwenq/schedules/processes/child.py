"""The child process that takes steps of runs, one after the other, as its parent asks."""

import logging
import threading
from contextlib import ExitStack, suppress
from multiprocessing.connection import Connection
from pathlib import Path

from qwenq.producer.signals import Signals
from qwenq.schedules.advancing import take_step
from qwenq.schemas.errors import ServiceAway
from qwenq.schemas.log.events import Event
from qwenq.schemas.log.lines import set_up_logging
from qwenq.schemas.machine.forks import end_with_parent
from qwenq.schemas.schedules import HeldRun
from qwenq.schemas.settings import Settings
from qwenq.store.broker.broker import Broker
from qwenq.store.database.store import Store

STOPPING_SECONDS = 5.0
"""How long a process that was asked to stop may take to remove a half job, and to release its run."""
OOM_SCORE = "500"
"""Linux ends this process rather than beat when memory runs out. 1000 is the most."""

_log = logging.getLogger("qwenq.schedules")


def take_steps(line: Connection, is_logging: bool) -> None:  # noqa: FBT001 - Process takes arguments by their places
    """Take the steps that come over the line, until it is closed. Sends for each whether the step has ended its hold.

    It logs only if its parent does: a command tells a person in its own words how a run went. Exits with 0 when it is
    asked to stop, with another code when a step crashed it.
    """
    signals = Signals()
    signals.install_for_process()
    threading.Thread(target=end_with_parent, args=(STOPPING_SECONDS,), daemon=True).start()
    with suppress(OSError):  # not Linux, or not allowed
        Path("/proc/self/oom_score_adj").write_text(OOM_SCORE)
    if not is_logging:
        logging.getLogger("qwenq").addHandler(logging.NullHandler())
    services = _Services(signals, is_logging=is_logging)
    with suppress(KeyboardInterrupt, EOFError, BrokenPipeError), services:
        while True:
            settings, held = line.recv()
            line.send(services.take(settings, held))


class _Services:
    """Store and broker of this process, kept open from step to step."""

    def __init__(self, signals: Signals, *, is_logging: bool) -> None:
        self._signals = signals
        self._is_logging = is_logging
        self._settings: Settings | None = None
        self._opened = ExitStack()

    def __enter__(self) -> None:
        """Nothing is open yet."""

    def __exit__(self, *_error: object) -> None:
        # A parent that ends closes the line, and sends a signal right after.
        with self._signals.holding():
            self._opened.close()

    def take(self, settings: Settings, held: HeldRun) -> bool:
        """Take a step. Returns False if a service was away, so that the run may be held still."""
        try:
            if self._settings != settings:
                self._open(settings)
            take_step(self._store, self._broker, settings, held)
        except ServiceAway as away:
            _log.warning(Event.STORE_AWAY, extra={"reason": str(away)})
            return False
        return True

    def _open(self, settings: Settings) -> None:
        self._opened.close()
        self._settings = None
        if self._is_logging:
            set_up_logging(settings.log_format, settings.log_level)
        self._store = self._opened.enter_context(Store.of(settings))
        self._broker = self._opened.enter_context(Broker(settings))
        self._settings = settings
