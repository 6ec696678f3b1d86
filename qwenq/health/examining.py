"""`qwenq health`: gather the facts at the same time, for a few seconds at most, and make the checks."""

import os
import shutil
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from qwenq.health.background import BackgroundCall
from qwenq.health.fleet import check_speed, check_workers
from qwenq.health.resources import check_disk, check_memory
from qwenq.health.services import (
    check_broker,
    check_broker_away,
    check_schema,
    check_silent,
    check_store,
    check_store_away,
    not_made,
)
from qwenq.health.work import check_schedules, check_stranded
from qwenq.schemas.errors import BrokerAway, InvalidSetting, StoreAway
from qwenq.schemas.settings import Settings
from qwenq.schemas.tables.core import SCHEMA_VERSION
from qwenq.schemas.views.fleet import LIVE, FleetWorker
from qwenq.schemas.views.health import (
    BrokerFacts,
    Check,
    DiskFacts,
    Health,
    HealthState,
    MemoryFacts,
    ScheduleTrouble,
    StrandedWork,
    WaitingModel,
    WorkerSpeed,
)
from qwenq.store.broker.broker import Broker
from qwenq.store.broker.facts import broker_facts
from qwenq.store.database.store import Store, sqlite_file
from qwenq.store.database.version import found_version
from qwenq.store.views.fleet.fleet import read_fleet
from qwenq.store.views.monitoring.health_facts import (
    recent_speeds,
    schedule_trouble,
    stranded_work,
    waiting_models,
)
from qwenq.wording.workers import up_command, worker_command
from qwenq.worker.engines.memory import free_main_bytes

PATIENCE_SECONDS = 3.0
"""Imports take one or two seconds before that."""
_OF_STORE = ("workers", "stranded", "schedules", "speed")


@dataclass(frozen=True, slots=True)
class WorkFacts:
    """The facts in the tables."""

    fleet: Sequence[FleetWorker]
    waiting: Sequence[WaitingModel]
    stranded: StrandedWork
    schedules: ScheduleTrouble
    speeds: Sequence[WorkerSpeed]


@dataclass(frozen=True, slots=True)
class StoreFacts:
    """The facts of a store that answers, after `seconds`. `work` is None when its tables have another version."""

    url: str
    seconds: float
    version: str | None
    work: WorkFacts | None


def examine(settings: Settings) -> Health:
    """Make all checks. Raises nothing: what is away becomes an unhealthy check. Takes PATIENCE_SECONDS at most."""
    until = time.monotonic() + PATIENCE_SECONDS
    store = BackgroundCall(lambda: _look_at_store(settings))
    broker = BackgroundCall(lambda: _look_at_broker(settings))
    of_broker = _broker_check(broker, until)
    # Without the embedded Redis, a worker alone would wait for its socket.
    is_down = settings.broker_url is None and of_broker.state is HealthState.UNHEALTHY
    of_store, fleet = _store_checks(store, until, up_command if is_down else worker_command)
    return Health(checks=(of_store[0], of_broker, *of_store[1:], *_machine_checks(settings, fleet)))


def _store_checks(
    look: BackgroundCall[StoreFacts], until: float, command: Callable[[str], str]
) -> tuple[Sequence[Check], Sequence[FleetWorker]]:
    """The checks that need the store, its own first, and the workers that it knows."""
    unmade = [not_made(name) for name in ("schema", *_OF_STORE)]
    try:
        facts = look.result(until - time.monotonic())
    except (StoreAway, InvalidSetting) as error:
        return [check_store_away(error), *unmade], ()
    except TimeoutError:
        return [check_silent("store", PATIENCE_SECONDS), *unmade], ()
    checks = [check_store(facts.url, facts.seconds), check_schema(facts.version, SCHEMA_VERSION)]
    work = facts.work
    if work is None:
        return [*checks, *(not_made(name) for name in _OF_STORE)], ()
    checks += [
        check_workers(work.fleet, work.waiting, command),
        check_stranded(work.stranded),
        check_schedules(work.schedules),
        check_speed(work.speeds),
    ]
    return checks, work.fleet


def _broker_check(look: BackgroundCall[BrokerFacts], until: float) -> Check:
    try:
        return check_broker(look.result(until - time.monotonic()))
    except (BrokerAway, InvalidSetting) as error:
        return check_broker_away(error)
    except TimeoutError:
        return check_silent("broker", PATIENCE_SECONDS)


def _machine_checks(settings: Settings, fleet: Sequence[FleetWorker]) -> list[Check]:
    live = [worker for worker in fleet if worker.condition in LIVE]
    here = [worker for worker in live if worker.host == socket.gethostname()]
    total = psutil.virtual_memory().total
    folders = {_existing(settings.home.absolute())}
    if file := sqlite_file(settings):
        folders.add(_existing(file.parent))
    disks = [DiskFacts(str(folder), shutil.disk_usage(folder).free) for folder in sorted(folders)]
    return [check_memory(MemoryFacts(free_main_bytes(), total), here, live), check_disk(disks)]


def _look_at_store(settings: Settings) -> StoreFacts:
    file = sqlite_file(settings)
    if file is not None and not file.exists():
        # Opening the file would create it.
        remedy = "Make it: `qwenq db upgrade`"
        if settings.database_url is None:
            remedy = "`qwenq up --model MODEL` makes it, and starts all services; or set QWENQ_DATABASE_URL"
        raise StoreAway(f"sqlite:///{file}", "there is no such file", remedy)
    with Store.of(settings) as store:
        with store.reading() as connection:
            version = found_version(connection)
        started = time.perf_counter()
        with store.reading() as connection:
            found_version(connection)
        seconds = time.perf_counter() - started
        return StoreFacts(store.url, seconds, version, _look_at_work(store, version))


def _look_at_work(store: Store, version: str | None) -> WorkFacts | None:
    if version != SCHEMA_VERSION:
        return None
    with store.reading() as connection:
        fleet = read_fleet(connection, 0).workers
        generating = [worker for worker in fleet if worker.condition in LIVE and worker.device != "none"]
        return WorkFacts(
            fleet,
            waiting_models(connection),
            stranded_work(connection),
            schedule_trouble(connection),
            recent_speeds(connection, generating),
        )


def _look_at_broker(settings: Settings) -> BrokerFacts:
    with Broker(settings) as broker:
        return broker_facts(broker)


def _existing(folder: Path) -> Path:
    """The folder, or the nearest one above it that exists."""
    return next(one for one in (folder, *folder.parents) if os.path.isdir(one))  # noqa: PTH112 - is_dir may raise
