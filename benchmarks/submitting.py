"""Measure submit against the barest loop that stores the same rows, on SQLite and on PostgreSQL.

Submit is the whole path: open, read, validate, store, cut into chunks, publish to a real Redis. The bare loop for
SQLite calls json.loads for each line and inserts with one executemany in one transaction; the one for PostgreSQL is a
single COPY of rows that lie ready in memory. Both fill the same table with the same indexes. They take turns; bars
are on the median of the ratios of neighbours.

    python -m benchmarks.submitting [--rows 300000] [--rounds 5] [--json]
"""

import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import TypeVar

from benchmarks.bare import copy_into_postgres, insert_into_sqlite
from benchmarks.report import Bar, Report, conditions, parser, tell
from benchmarks.services import Postgres, forget_environment, make_store, running_postgres, running_redis
from benchmarks.watched import Watched, watch
from benchmarks.workload import write_documents
from qwenq.embedded.session import environment_of
from qwenq.job_request import JobRequest
from qwenq.submitting import submit_request
from schemas.settings import Settings
from store.broker import broker_url

RATIO_BAR = 0.5
MEMORY_BAR_MB = 30.0
SMALL_PART = 10

NewStore = Callable[[], Settings]
BareLoop = Callable[[Settings], float]
T = TypeVar("T")


class Stores:
    """Fresh, empty stores, one after the other; each with the one Redis as its broker."""

    def __init__(self, folder: Path, broker: str, postgres: Postgres) -> None:
        self._folder = folder
        self._broker = broker
        self._postgres = postgres
        self._made = 0

    def sqlite(self) -> Settings:
        """A new SQLite file."""
        return self._made_store(f"sqlite:///{self._next_home()}/store.db")

    def postgresql(self) -> Settings:
        """A new PostgreSQL database."""
        self._next_home()
        return self._made_store(self._postgres.new_database())

    def _next_home(self) -> Path:
        self._made += 1
        return self._folder / f"home-{self._made}"

    def _made_store(self, url: str) -> Settings:
        settings = Settings(
            home=self._folder / f"home-{self._made}", database_url=url, broker_url=self._broker, model="echo"
        )
        make_store(settings)
        # What an earlier round left for the disk to write must not be paid by the next.
        os.sync()
        return settings

    def remove(self, settings: Settings) -> None:
        """Give the disk back."""
        if (settings.database_url or "").startswith("postgresql"):
            self._postgres.drop_newest()
        shutil.rmtree(settings.home)


def submit(path: Path, rows: int, settings: Settings) -> float:
    """Submit a file, check that all of it was stored and announced. Returns the seconds it took."""
    started = time.perf_counter()
    submission = submit_request(JobRequest(files=[str(path)]), settings)
    seconds = time.perf_counter() - started
    if submission.documents != rows or submission.rejected or submission.unannounced:
        raise SystemExit(f"submit did something else: {submission}")
    return seconds


def submit_process(path: Path, settings: Settings) -> Watched:
    """Submit a file with the command line."""
    return watch([sys.executable, "-m", "qwenq", "submit", str(path)], environment_of(settings))


class Measuring:
    """The measurements on one kind of store."""

    def __init__(self, report: Report, stores: Stores, files: tuple[Path, Path], rows: int) -> None:
        self._report = report
        self._stores = stores
        self._large, self._small = files
        self._rows = rows

    def rates(self, name: str, new_store: NewStore, bare_loops: dict[str, BareLoop], rounds: int) -> None:
        """Let submit and the bare loops take turns; the bar is on the first loop."""
        self._on_new_store(
            new_store, lambda settings: submit(self._small, self._rows // SMALL_PART, settings)
        )
        submitted: list[float] = []
        bare: dict[str, list[float]] = {loop: [] for loop in bare_loops}
        for _ in range(rounds):
            submitted.append(
                self._on_new_store(new_store, lambda settings: submit(self._large, self._rows, settings))
            )
            for loop, run in bare_loops.items():
                bare[loop].append(self._on_new_store(new_store, run))
        self._report.add(f"{name}: submit", self._rows / median(submitted), "documents/s")
        for place, (loop, seconds) in enumerate(bare.items()):
            ratio = median(one / other for one, other in zip(seconds, submitted, strict=True))
            self._report.add(f"{name}: {loop}", self._rows / median(seconds), "documents/s")
            self._report.add(f"{name}: submit against {loop}", ratio, "times its documents/s")
            if place == 0:
                self._report.bars.append(Bar(f"{name}: submit against {loop}", ratio, at_least=RATIO_BAR))

    def memory(self, name: str, new_store: NewStore) -> None:
        """Submit the small and the large file as processes, and compare their peaks."""
        small, large = (
            self._on_new_store(new_store, lambda settings, path=path: submit_process(path, settings))
            for path in (self._small, self._large)
        )
        self._report.add(
            f"{name}: `qwenq submit`, whole process", self._rows / large.wall_seconds, "documents/s"
        )
        self._report.add(f"{name}: its peak memory", large.peak_mb, "MB")
        grown = large.peak_mb - small.peak_mb
        what = f"{name}: memory of {self._rows:,} rows above {self._rows // SMALL_PART:,}, MB"
        self._report.bars.append(Bar(what, grown, at_most=MEMORY_BAR_MB))

    def _on_new_store(self, new_store: NewStore, run: Callable[[Settings], T]) -> T:
        settings = new_store()
        try:
            return run(settings)
        finally:
            self._stores.remove(settings)


def main() -> int:
    """Measure, tell, and give the exit code."""
    options = parser("measure submit against the barest loops")
    options.add_argument("--rows", type=int, default=300_000)
    options.add_argument("--rounds", type=int, default=5)
    arguments = options.parse_args()
    rows: int = arguments.rows
    forget_environment()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = folder / "large.jsonl", folder / "small.jsonl"
        line = write_documents(files[0], rows)
        write_documents(files[1], rows // SMALL_PART)
        home = Settings(home=folder / "redis")
        with running_redis(home) as redis, running_postgres(folder) as postgres:
            versions = {"Redis": redis, "PostgreSQL": postgres.version}
            sizes = {"rows": rows, "bytes a line": line, "rounds": arguments.rounds}
            report = Report("submit", conditions(versions, **sizes))
            stores = Stores(folder, broker_url(home), postgres)
            measuring = Measuring(report, stores, files, rows)
            measuring.rates("SQLite", stores.sqlite, _sqlite_loops(files[0]), arguments.rounds)
            measuring.rates("PostgreSQL", stores.postgresql, _postgres_loops(files[0]), arguments.rounds)
            measuring.memory("SQLite", stores.sqlite)
            measuring.memory("PostgreSQL", stores.postgresql)
    return tell(report, as_json=arguments.json)


def _sqlite_loops(path: Path) -> dict[str, BareLoop]:
    return {
        "json.loads and one executemany": lambda settings: insert_into_sqlite(
            path, settings.home / "store.db"
        )
    }


def _postgres_loops(path: Path) -> dict[str, BareLoop]:
    def loop(*, prepared: bool) -> BareLoop:
        return lambda settings: copy_into_postgres(path, settings.database_url or "", prepared=prepared)

    return {
        "one COPY of rows in memory": loop(prepared=True),
        "json.loads and one COPY": loop(prepared=False),
    }


if __name__ == "__main__":
    sys.exit(main())
