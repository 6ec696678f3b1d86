"""Compare submit with minimal loops that store the same rows, on SQLite and on PostgreSQL.

Submit is the whole path: open, read, validate, store, cut into chunks, announce on a real Redis. The bare loop for
SQLite calls json.loads for each line and inserts with one executemany in one transaction. The one for PostgreSQL is a
single COPY of rows in memory. All fill the same table with the same indexes. They alternate; the bars are for the
median of the ratios within a round.

    python -m benchmarks.submit [--rows 300000] [--rounds 5] [--json]
"""

import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from statistics import median

from benchmarks.bare import copy_into_postgres, copy_prepared, insert_into_sqlite
from benchmarks.report import Bar, Report, conditions, parser, tell
from benchmarks.services import FreshStores, forget_environment, running_postgres, running_redis
from benchmarks.watched import Watched, watch
from benchmarks.workload import write_documents
from qwenq.actions.request import JobRequest
from qwenq.embedded.session import environment_of
from qwenq.producer.enqueuing import enqueue_input
from qwenq.schemas.settings import Settings
from qwenq.store.broker.broker import broker_url
from qwenq.store.database.store import SQLITE_FILE

RATIO_BAR = 0.5
MEMORY_BAR_MB = 30.0
SMALL_PART = 10

FreshStore = Callable[[], AbstractContextManager[Settings]]
BareLoop = Callable[[Path, Settings], float]

SQLITE_LOOPS: dict[str, BareLoop] = {
    "json.loads and one executemany": lambda path, to: insert_into_sqlite(path, to.home / SQLITE_FILE),
}
POSTGRES_LOOPS: dict[str, BareLoop] = {
    "one COPY of rows in memory": lambda path, to: copy_prepared(path, to.database_url or "", binary=False),
    "one binary COPY of rows in memory": lambda path, to: copy_prepared(
        path, to.database_url or "", binary=True
    ),
    "json.loads and one COPY": lambda path, to: copy_into_postgres(path, to.database_url or ""),
}


def submit(path: Path, rows: int, settings: Settings) -> float:
    """Submit a file, which must be stored and announced completely. Returns the seconds."""
    started = time.perf_counter()
    submission = enqueue_input(settings, JobRequest(files=[str(path)]).specify(settings))
    seconds = time.perf_counter() - started
    if submission.documents != rows or submission.rejected or submission.unannounced:
        raise SystemExit(f"submit did not store or announce everything: {submission}")
    return seconds


def submit_process(path: Path, settings: Settings) -> Watched:
    """Submit a file with the command line."""
    return watch([sys.executable, "-m", "qwenq", "submit", str(path)], environment_of(settings))


class Measuring:
    """The measurements on one kind of store."""

    def __init__(self, report: Report, name: str, fresh: FreshStore, folder: Path, rows: int) -> None:
        self._report = report
        self._name = name
        self._fresh = fresh
        self._rows = rows
        self._large = folder / "large.jsonl"
        self._small = folder / "small.jsonl"

    def rates(self, loops: dict[str, BareLoop], rounds: int) -> None:
        """Let submit and the bare loops alternate; the bar is for the first loop."""
        with self._fresh() as settings:
            submit(self._small, self._rows // SMALL_PART, settings)
        submitted: list[float] = []
        bare: dict[str, list[float]] = {name: [] for name in loops}
        for _ in range(rounds):
            with self._fresh() as settings:
                submitted.append(submit(self._large, self._rows, settings))
            for name, loop in loops.items():
                with self._fresh() as settings:
                    bare[name].append(loop(self._large, settings))
        self._report_rates(submitted, bare)

    def _report_rates(self, submitted: list[float], bare: dict[str, list[float]]) -> None:
        self._report.add(f"{self._name}: submit", self._rows / median(submitted), "documents/s")
        for place, (loop, seconds) in enumerate(bare.items()):
            ratio = median(one / other for one, other in zip(seconds, submitted, strict=True))
            what = f"{self._name}: submit against {loop}"
            self._report.add(f"{self._name}: {loop}", self._rows / median(seconds), "documents/s")
            self._report.add(what, ratio, "times its documents/s")
            if place == 0:
                self._report.bars.append(Bar(what, ratio, at_least=RATIO_BAR))

    def memory(self) -> None:
        """Submit the small and the large file as processes, and compare their peak memory."""
        with self._fresh() as settings:
            small = submit_process(self._small, settings)
        with self._fresh() as settings:
            large = submit_process(self._large, settings)
        rate = self._rows / large.wall_seconds
        self._report.add(f"{self._name}: `qwenq submit`, whole process", rate, "documents/s")
        self._report.add(f"{self._name}: its peak memory", large.peak_mb, "MB")
        grown = large.peak_mb - small.peak_mb
        what = f"{self._name}: peak MB of {self._rows:,} rows more than of {self._rows // SMALL_PART:,}"
        self._report.bars.append(Bar(what, grown, at_most=MEMORY_BAR_MB))


def main() -> int:
    """Measure and report. Returns the exit code."""
    options = parser("compare submit with minimal loops")
    options.add_argument("--rows", type=int, default=300_000)
    options.add_argument("--rounds", type=int, default=5)
    arguments = options.parse_args()
    rows: int = arguments.rows
    forget_environment()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        line = write_documents(folder / "large.jsonl", rows)
        write_documents(folder / "small.jsonl", rows // SMALL_PART)
        home = Settings(home=folder / "redis")
        with running_redis(home) as redis, running_postgres(folder) as postgres:
            versions = {"Redis": redis, "PostgreSQL": postgres.version}
            sizes = {"rows": rows, "bytes a line": line, "rounds": arguments.rounds}
            report = Report("submit", conditions(versions, **sizes))
            stores = FreshStores(folder, broker_url(home), postgres)
            sqlite = Measuring(report, "SQLite", stores.sqlite, folder, rows)
            postgresql = Measuring(report, "PostgreSQL", stores.postgresql, folder, rows)
            sqlite.rates(SQLITE_LOOPS, arguments.rounds)
            postgresql.rates(POSTGRES_LOOPS, arguments.rounds)
            sqlite.memory()
            postgresql.memory()
    return tell(report, as_json=arguments.json)


if __name__ == "__main__":
    sys.exit(main())
