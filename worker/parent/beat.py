"""Run beat: a clock that announces housekeeping, and a small worker that does it, in one process tree."""

import os
import socket
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from celery.signals import beat_embedded_init

from qwenq.schemas.errors import StoreAway
from qwenq.schemas.settings import Settings
from qwenq.store.broker.broker import Broker
from qwenq.store.broker.task_messages import OPS_QUEUE, RECONCILE
from qwenq.store.database.store import Store
from qwenq.store.database.version import check_version
from qwenq.worker.log_set_up import leave_ticks_out
from qwenq.worker.parent.consumer import TASK_MODULE, run_consumer

OPS_THREADS = 4
"""Housekeeping tasks at once: while one submits a long input, the others must not wait."""
LOOK_SECONDS = 1.0
"""How often the clock's process looks whether its parent lives."""


@dataclass(frozen=True, slots=True)
class Duty:
    """A Celery task without arguments that beat announces every few seconds; `module` defines it."""

    task: str
    module: str
    seconds: float


def run_beat(settings: Settings, duties: Sequence[Duty] = ()) -> None:
    """Announce reconciling and these duties, and do them, until TERM or Ctrl-C.

    Raises ConsumerDied, and what check_version raises.
    """
    _require_version(settings)
    app = Broker(settings).app
    reconciling = Duty(RECONCILE, TASK_MODULE, settings.lease_seconds / 2)
    app.conf.beat_schedule = {
        duty.task: {
            "task": duty.task,
            "schedule": duty.seconds,
            # A duty that was not done in time is announced again anyway.
            "options": {"queue": OPS_QUEUE, "expires": 2 * duty.seconds},
        }
        for duty in (reconciling, *duties)
    }
    leave_ticks_out(settings.log_level)
    # In Flower, too, they would hide the tasks that answer chunks.
    app.conf.task_send_sent_event = False
    # The schedule is fixed, so there is no state to keep in a file.
    app.conf.beat_scheduler = "qwenq.worker.parent.clock:Clock"
    beat_embedded_init.connect(_end_with(os.getpid()), weak=False)
    died = run_consumer(
        app, f"--hostname=ops-{os.getpid()}@{socket.gethostname()}", f"--queues={OPS_QUEUE}", "--beat",
        "--pool=threads", f"--concurrency={OPS_THREADS}", f"--loglevel={settings.log_level}",
        modules=[duty.module for duty in duties],
    )  # fmt: skip
    # Another version may be why it ended. While the store is away, nobody can tell.
    with suppress(StoreAway):
        _require_version(settings)
    if died:
        raise died


def _end_with(parent: int) -> Callable[..., None]:
    """What Celery calls in the clock's process: end it when its parent was killed, or it would announce for ever."""

    def watch(**_given: object) -> None:
        threading.Thread(target=wait, name="parent-watch", daemon=True).start()

    def wait() -> None:
        while os.getppid() == parent:
            time.sleep(LOOK_SECONDS)
        os._exit(1)

    return watch


def _require_version(settings: Settings) -> None:
    with Store.of(settings) as store:
        check_version(store)
