"""Measure the cost of claims, leases, fences and outcomes: qwenq's worker against a bare one, with the echo engine.

On each database, qwenq's worker and a bare one (benchmarks/bare_worker.py), each with its own store and broker, answer
the same file alternately, so that other work on the machine affects both equally. A round is measured from the first
message to the last result; the cost is the ratio within a round. The processor time of each worker is reported too: on
a busy machine it varies less. All results are compared with the documents. PostgreSQL waits for the disk, as SQLite
does.

    python -m benchmarks.reliability [--rows 50000] [--rounds 5] [--json]
"""

import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from statistics import median

import orjson
import psutil
from sqlalchemy import func, select

from benchmarks.report import Bar, Report, conditions, parser, tell
from benchmarks.services import Postgres, forget_environment, make_store, running_postgres, running_redis
from benchmarks.workload import write_documents
from qwenq.actions.request import JobRequest
from qwenq.embedded.service import Service
from qwenq.embedded.session import environment_of
from qwenq.producer.enqueuing import enqueue_input
from qwenq.schemas.settings import Settings
from qwenq.schemas.tables.core import chunks, jobs, results
from qwenq.store.broker.broker import broker_url
from qwenq.store.database.store import Store, database_url
from qwenq.store.views.answers.results import results_of

COST_BAR = 0.1
WARM_ROWS = 2_000
LOOK_EVERY_SECONDS = 0.02
STOP_SECONDS = 60.0
WORKERS = {"qwenq": ("qwenq", "worker"), "bare": ("benchmarks.bare_worker",)}
DATABASES = ("SQLite", "PostgreSQL")


@dataclass(frozen=True)
class Pace:
    """The pace of one job: documents a second, and microseconds of the worker's processor time a document."""

    rate: float
    cpu_microseconds: float


@dataclass
class Side:
    """A worker with its store."""

    settings: Settings
    store: Store
    worker: Service

    def answer(self, path: Path, rows: int) -> Pace:
        """Submit a file, wait for its last result, and check all results."""
        busy = self._cpu_seconds()
        job_id = enqueue_input(self.settings, JobRequest(files=[str(path)]).specify(self.settings)).job_id
        while not self._has_result(job_id, rows - 1):
            self.worker.require_running()
            time.sleep(LOOK_EVERY_SECONDS)
        seconds = time.time() - self._announced_at(job_id)
        pace = Pace(rows / seconds, 1e6 * (self._cpu_seconds() - busy) / rows)
        self._check(path, job_id)
        return pace

    def _announced_at(self, job_id: int) -> float:
        """Find when a worker could first know of a job, in seconds since 1970; its submit ends somewhat later.

        This is its first message, or its first claim: a worker that is still in a turn does not wait for the message.
        """
        first = select(func.min(chunks.c.published_at), func.min(jobs.c.started_at)).join_from(chunks, jobs)
        with self.store.reading() as connection:
            times: Sequence[datetime | None] = connection.execute(first.where(jobs.c.id == job_id)).one()
        return min(time.timestamp() for time in times if time is not None)

    def _cpu_seconds(self) -> float:
        """Sum the processor time of the worker's processes until now, without PostgreSQL's."""
        parent = psutil.Process(self.worker.pid)
        times = [process.cpu_times() for process in (parent, *parent.children(recursive=True))]
        return sum(one.user + one.system for one in times)

    def _has_result(self, job_id: int, seq: int) -> bool:
        """Whether a document is answered. One worker answers in input order, so all before it are too."""
        with self.store.reading() as connection:
            found = connection.execute(
                select(results.c.seq).where(results.c.job_id == job_id, results.c.seq == seq)
            ).one_or_none()
        return found is not None

    def _check(self, path: Path, job_id: int) -> None:
        with self.store.reading() as connection, path.open("rb") as lines:
            for line, answer in zip(lines, results_of(connection, job_id), strict=True):
                document = orjson.loads(line)
                if (answer.custom_id, answer.text) != (document["id"], document["text"]):
                    raise SystemExit(f"a wrong answer: {answer}")


@contextmanager
def running_side(kind: str, database: str, folder: Path, postgres: Postgres) -> Iterator[Side]:
    """Run a worker of one kind on a database of one kind, with its own Redis."""
    home = folder / f"{kind}-{database}"
    url = postgres.new_database() if database == "PostgreSQL" else None
    settings = Settings(home=home, database_url=url, model="echo")
    make_store(settings)
    with running_redis(settings):
        settings = settings.model_copy(update={"broker_url": broker_url(settings)})
        command = [sys.executable, "-m", *WORKERS[kind]]
        worker = Service(kind, command, home / "worker.log", environment_of(settings))
        try:
            with Store(database_url(settings)) as store:
                yield Side(settings, store, worker)
        finally:
            worker.ask_to_stop()
            worker.wait_until_stopped(STOP_SECONDS)


def measure(report: Report, database: str, folder: Path, postgres: Postgres, sizes: tuple[int, int]) -> None:
    """Let both workers answer alternately on one kind of database."""
    rows, rounds = sizes
    with ExitStack() as stack:
        sides = {
            kind: stack.enter_context(running_side(kind, database, folder, postgres)) for kind in WORKERS
        }
        paces: dict[str, list[Pace]] = {kind: [] for kind in WORKERS}
        for side in sides.values():
            side.answer(folder / "warm.jsonl", WARM_ROWS)
        for round_ in range(rounds):
            # Each is first in every second round.
            for kind in sorted(sides, reverse=bool(round_ % 2)):
                paces[kind].append(sides[kind].answer(folder / "documents.jsonl", rows))
    _report(report, database, paces)


def _report(report: Report, database: str, paces: Mapping[str, Sequence[Pace]]) -> None:
    for kind, measured in paces.items():
        report.add(f"{database}: {kind}", median(pace.rate for pace in measured), "documents/s")
        cpu = median(pace.cpu_microseconds for pace in measured)
        report.add(f"{database}: {kind}, its processes", cpu, "CPU microseconds a document")
    costs = [1 - own.rate / bare.rate for own, bare in zip(paces["qwenq"], paces["bare"], strict=True)]
    report.add(f"{database}: cost, from", 100 * min(costs), "%")
    report.add(f"{database}: cost, to", 100 * max(costs), "%")
    report.bars.append(
        Bar(f"{database}: cost, share of the documents a second", median(costs), at_most=COST_BAR)
    )


def main() -> int:
    """Measure and report. Returns the exit code."""
    options = parser("measure the cost of claims, leases, fences and outcomes")
    options.add_argument("--rows", type=int, default=50_000)
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--database", choices=DATABASES, action="append", help="only this database")
    arguments = options.parse_args()
    rows: int = arguments.rows
    forget_environment()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        line = write_documents(folder / "documents.jsonl", rows)
        write_documents(folder / "warm.jsonl", WARM_ROWS)
        with running_postgres(folder) as postgres:
            sizes = {"rows": rows, "bytes a line": line, "rounds": arguments.rounds}
            report = Report("reliability", conditions({"PostgreSQL": postgres.version}, **sizes))
            for database in arguments.database or DATABASES:
                measure(report, database, folder, postgres, (rows, arguments.rounds))
    return tell(report, as_json=arguments.json)


if __name__ == "__main__":
    sys.exit(main())
