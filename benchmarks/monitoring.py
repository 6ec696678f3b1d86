"""Measure Flower with qwenq's pages: response times and memory while twenty workers send events.

`qwenq flower` runs as a process, with a real Redis, simulated workers' events, and a store of a million documents on
SQLite and on PostgreSQL. Before, Flower has received many thousand tasks, as after a long day. /metrics itself reports
its cost for the store. `qwenq metrics` of the large job is measured within this process.

    python -m benchmarks.monitoring [--documents 1000000] [--tasks 12000] [--rounds 30] [--json]
"""

import re
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles

import psutil
import requests

from benchmarks.full_store import WORKERS, FullStore, fill_store
from benchmarks.report import Bar, Report, conditions, parser, tell
from benchmarks.services import FreshStores, forget_environment, running_postgres, running_redis
from benchmarks.simulated_workers import SimulatedWorkers
from qwenq.access.owner_token import owner_token
from qwenq.embedded.service import Service
from qwenq.embedded.session import environment_of
from qwenq.schemas.settings import Settings
from qwenq.store.broker.broker import broker_url
from qwenq.store.database.store import Store, database_url
from qwenq.store.views.jobs.metrics import job_metrics

ANSWER_BAR_MS = 200.0
MEMORY_BAR_MB = 200.0
READ_BAR_MS = 50.0
JOB_METRICS_BAR_SECONDS = 2.0
START_SECONDS = 60.0
SETTLE_SECONDS = 5.0
TASKS_AT_ONCE = 500
STOP_SECONDS = 15.0
_PLACE = re.compile(r"Flower at (http://[^/;\s]+)")
_RECEIVED = re.compile(r'^flower_events_total\{.*type="task-succeeded".*\} (\S+)$', re.MULTILINE)
_READ = re.compile(r"^qwenq_store_read_seconds (\S+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Flower:
    """A running Flower: its address, its owner's token and its process."""

    url: str
    token: str
    process: psutil.Process

    @property
    def memory_mb(self) -> float:
        """Its resident memory now."""
        return float(self.process.memory_info().rss) / 1e6

    def tasks_received(self) -> int:
        """Count the finished tasks that it has received."""
        _, text = self.seconds("/metrics", 1)
        return sum(int(float(count)) for count in _RECEIVED.findall(text))

    def seconds(self, path: str, rounds: int) -> tuple[list[float], str]:
        """Request a page `rounds` times. Returns the seconds of each response, and the last text."""
        took, text = [], ""
        with requests.Session() as session:
            session.headers["Authorization"] = f"Bearer {self.token}"
            for _ in range(rounds):
                began = time.perf_counter()
                answer = session.get(self.url + path, timeout=30)
                took.append(time.perf_counter() - began)
                answer.raise_for_status()
                text = answer.text
        return took, text


@contextmanager
def running_flower(settings: Settings) -> Iterator[Flower]:
    """Run `qwenq flower` as a process, and wait until it responds."""
    log = settings.home / "flower.log"
    service = Service.of_qwenq("Flower", ["flower", "--port", "0"], log, environment_of(settings))
    try:
        deadline = time.monotonic() + START_SECONDS
        while (found := _PLACE.search(log.read_text("utf-8"))) is None:
            service.require_running()
            if time.monotonic() > deadline:
                raise SystemExit("Flower did not print its address")
            time.sleep(0.05)
        yield Flower(found[1], owner_token(settings.home), psutil.Process(service.pid))
    finally:
        service.ask_to_stop()
        service.wait_until_stopped(STOP_SECONDS)


def pages_of(full: FullStore) -> Sequence[str]:
    """List the pages to measure."""
    return ("/jobs", f"/jobs/{full.large_job}", "/fleet", "/metrics", "/workers", "/tasks")


def measure(report: Report, name: str, settings: Settings, documents: int, tasks: int, rounds: int) -> None:
    """Fill a store, let workers send events, and request every page."""
    with Store(database_url(settings)) as store:
        full = fill_store(store, documents)
        workers = SimulatedWorkers(settings, WORKERS)
        with running_flower(settings) as flower:
            report.add(f"{name}: memory at the start", flower.memory_mb, "MB")
            _send_tasks(tasks, workers, flower)
            with workers.running():
                time.sleep(SETTLE_SECONDS)
                for page in pages_of(full):
                    _ask(report, name, flower, page, rounds)
            report.bars.append(Bar(f"{name}: memory at the end, MB", flower.memory_mb, at_most=MEMORY_BAR_MB))
        workers.close()
        _job_metrics(report, name, store, full)


def _send_tasks(tasks: int, workers: SimulatedWorkers, flower: Flower) -> None:
    """Send the events of many tasks, no faster than Flower receives them: waiting events would count as its memory."""
    # Flower misses the events before it listens.
    while not flower.tasks_received():
        workers.burst(WORKERS)
        time.sleep(0.5)
    sent = flower.tasks_received()
    while sent < tasks:
        workers.burst(TASKS_AT_ONCE)
        sent += TASKS_AT_ONCE
        deadline = time.monotonic() + START_SECONDS
        while flower.tasks_received() < sent:
            if time.monotonic() > deadline:
                raise SystemExit("Flower does not receive all tasks")
            time.sleep(0.05)


def _ask(report: Report, name: str, flower: Flower, page: str, rounds: int) -> None:
    # The first response of a page loads its template; the very first one opens the store.
    (first, *took), text = flower.seconds(page, rounds + 1)
    report.add(f"{name}: {page}, the first", first * 1_000, "ms")
    report.add(f"{name}: {page}, median", median(took) * 1_000, "ms")
    p95 = quantiles(took, n=20)[-1] * 1_000
    report.bars.append(Bar(f"{name}: {page}, p95 in ms", p95, at_most=ANSWER_BAR_MS))
    if read := _READ.search(text):
        report.bars.append(
            Bar(f"{name}: cost of /metrics for the store, ms", float(read[1]) * 1_000, at_most=READ_BAR_MS)
        )


def _job_metrics(report: Report, name: str, store: Store, full: FullStore) -> None:
    began = time.perf_counter()
    with store.reading() as connection:
        found = job_metrics(connection, full.large_job)
    took = time.perf_counter() - began
    if found is None or found.response_seconds is None:
        raise SystemExit("the large job has no answers")
    what = f"{name}: `qwenq metrics` of {found.response_seconds.answers:,} answers, s"
    report.bars.append(Bar(what, took, at_most=JOB_METRICS_BAR_SECONDS))


def main() -> int:
    """Measure and report. Returns the exit code."""
    options = parser("measure Flower's response times and memory")
    options.add_argument("--documents", type=int, default=1_000_000)
    options.add_argument("--tasks", type=int, default=12_000)
    options.add_argument("--rounds", type=int, default=30)
    given = options.parse_args()
    forget_environment()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        home = Settings(home=folder / "redis")
        with running_redis(home) as redis, running_postgres(folder) as postgres:
            versions = {"Redis": redis, "PostgreSQL": postgres.version}
            sizes = {
                "documents": given.documents,
                "workers": WORKERS,
                "tasks": given.tasks,
                "rounds": given.rounds,
            }
            report = Report("monitoring", conditions(versions, **sizes))
            stores = FreshStores(folder, broker_url(home), postgres)
            for kind, fresh in (("SQLite", stores.sqlite), ("PostgreSQL", stores.postgresql)):
                with fresh() as settings:
                    measure(report, kind, settings, given.documents, given.tasks, given.rounds)
    return tell(report, as_json=given.json)


if __name__ == "__main__":
    sys.exit(main())
