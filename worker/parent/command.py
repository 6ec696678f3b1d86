"""Run a worker: one resident model on one device, until it is asked to stop."""

import os
import socket

from celery import signals

from qwenq.schemas.errors import InvalidSetting
from qwenq.schemas.settings import Settings
from qwenq.schemas.workers import WorkerIdentity
from qwenq.store.broker.broker import Broker, queue_name
from qwenq.store.database.store import Store
from qwenq.store.database.version import check_version
from qwenq.store.life import workers
from qwenq.store.views.fleet.workers import find_worker
from qwenq.worker.parent.consumer import run_consumer
from qwenq.worker.parent.engine_trial import TryEngine
from qwenq.worker.parent.environment import WORKER_ID_VARIABLE, prepare_environment
from qwenq.worker.parent.housekeeping import Housekeeping


def run_worker(settings: Settings, try_engine: TryEngine) -> None:
    """Answer documents of the settings' model until TERM or Ctrl-C. Without a job, try the engine once.

    Raises InvalidSetting without a model, ModelUnavailable when it cannot be loaded, WorkerGaveUp or StoreAway when
    the store stays away, WorkerBroke when it receives nothing any more, and what check_version raises.
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
    with Housekeeping(store, broker, settings, worker_id, try_engine) as housekeeping:
        signals.worker_shutting_down.connect(housekeeping.on_shutting_down)
        signals.worker_ready.connect(housekeeping.on_ready)
        died = run_consumer(
            broker.app, f"--hostname={name}", f"--queues={queue_name(settings.model)}",
            f"--loglevel={settings.log_level}",
        )  # fmt: skip
    if died:
        raise died
    if housekeeping.refusal:
        raise housekeeping.refusal
    with store.reading() as connection:
        worker = find_worker(connection, worker_id)
    if worker and worker.failure:
        raise worker.failure
