"""Run a worker: one resident model on one device, until it is told to stop."""

import os
import socket
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from celery import Celery, signals

from qwenq.schemas.errors import InvalidSetting, StoreAway
from qwenq.schemas.settings import Settings
from qwenq.schemas.workers import WorkerIdentity
from qwenq.store.broker.broker import OPS_QUEUE, RECONCILE, Broker, queue_name
from qwenq.store.database.store import Store
from qwenq.store.database.version import check_version
from qwenq.store.life import workers
from qwenq.worker.log_set_up import heed_log_settings, leave_ticks_out
from qwenq.worker.parent.environment import prepare_environment
from qwenq.worker.parent.housekeeping import Housekeeping
from qwenq.worker.turn.working_process import WORKER_ID_VARIABLE

TASK_MODULE = "qwenq.worker.tasks"
OPS_THREADS = 4
"""Housekeeping tasks at once: a long input that is being submitted must not keep the others waiting."""


def run_worker(settings: Settings) -> None:
    """Answer documents of the settings' model until TERM or Ctrl-C.

    Raises InvalidSetting without a model, ModelUnavailable when it cannot be loaded, WorkerGaveUp or StoreAway when
    the store stays away, and what check_version raises.
    """
    if not settings.model:
        raise InvalidSetting(name="QWENQ_MODEL", reason="a worker needs a model (--model)")
    store = Store.of(settings)
    check_version(store)
    broker = Broker(settings)
    name = f"{queue_name(settings.model).removeprefix('qwenq.')}-{os.getpid()}@{socket.gethostname()}"
    identity = WorkerIdentity(name, socket.gethostname(), os.getpid(), settings.model)
    with store.writing() as connection:
        worker_id = workers.register_worker(connection, identity)
    os.environ[WORKER_ID_VARIABLE] = str(worker_id)
    prepare_environment()
    with Housekeeping(store, broker, settings, worker_id) as housekeeping:
        signals.worker_shutting_down.connect(housekeeping.on_shutting_down)
        _run_celery(
            broker.app, [TASK_MODULE], f"--hostname={name}", f"--queues={queue_name(settings.model)}",
            f"--loglevel={settings.log_level}",
        )  # fmt: skip
    if housekeeping.refusal:
        raise housekeeping.refusal
    with store.reading() as connection:
        worker = workers.find_worker(connection, worker_id)
    if worker and worker.failure:
        raise worker.failure


@dataclass(frozen=True, slots=True)
class Duty:
    """A Celery task without arguments that beat has done every few seconds; `module` is where it is defined."""

    task: str
    module: str
    seconds: float


def run_beat(settings: Settings, duties: Sequence[Duty] = ()) -> None:
    """Run beat and the small worker that takes its housekeeping tasks, and these duties, in one process tree."""
    _require_version(settings)
    app = Broker(settings).app
    reconciling = Duty(RECONCILE, TASK_MODULE, settings.lease_seconds / 2)
    app.conf.beat_schedule = {
        duty.task: {
            "task": duty.task,
            "schedule": duty.seconds,
            # What could not be done in time is asked for again anyway.
            "options": {"queue": OPS_QUEUE, "expires": 2 * duty.seconds},
        }
        for duty in (reconciling, *duties)
    }
    leave_ticks_out(settings.log_level)
    # In Flower, too, they would hide the tasks that answer chunks.
    app.conf.task_send_sent_event = False
    # The schedule is one fixed tick, so that there is no state to keep in a file.
    app.conf.beat_scheduler = "celery.beat:Scheduler"
    _run_celery(
        app, [TASK_MODULE, *(duty.module for duty in duties)],
        f"--hostname=ops-{os.getpid()}@{socket.gethostname()}", f"--queues={OPS_QUEUE}", "--beat",
        "--pool=threads", f"--concurrency={OPS_THREADS}", f"--loglevel={settings.log_level}",
    )  # fmt: skip
    # It may be for this that it ended; of a store that is away, nothing is known.
    with suppress(StoreAway):
        _require_version(settings)


def _require_version(settings: Settings) -> None:
    store = Store.of(settings)
    try:
        check_version(store)
    finally:
        store.close()


def _run_celery(app: Celery, modules: Sequence[str], *options: str) -> None:
    """Run Celery's own worker command in this process until it ends."""
    heed_log_settings()
    app.conf.include = modules
    try:
        # Quiet is its banner only, which is no log.
        app.worker_main(["--quiet", "worker", "--without-gossip", "--without-mingle", *options])
    except SystemExit as ended:
        if ended.code:
            raise
