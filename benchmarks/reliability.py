"""Measure what claims, leases, fences and outcomes cost: the echo pipeline, and the same with a bare writer.

A share of what each worker's processes compute is told too: on a busy machine it moves less than the time does.

On each database, qwenq's worker and a bare one (benchmarks/bare_worker.py), each with a store and a broker of its own,
take turns over the same file, so that a machine that others use too is as busy for the one as for the other. What one
turn takes is counted from the first message to the last result; the ratio is taken turn by turn. All results of both
are compared with the documents. PostgreSQL waits for the disk, as SQLite does.

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
from qwenq.store.outcomes.results import results_of

COST_BAR = 0.1
WARM_ROWS = 2_000
LOOK_EVERY_SECONDS = 0.02
STOP_SECONDS = 60.0
WORKERS = {"qwenq": ("qwenq", "worker"), "bare": ("benchmarks.bare_worker",)}
DATABASES = ("SQLite", "PostgreSQL")


@dataclass(frozen=True)
class Turn:
    """One job: documents a second, and microseconds of the worker's processors for each."""

    rate: float
    cpu_microseconds: float


@dataclass
class Side:
    """One worker with the store that it works on."""

    settings: Settings
    store: Store
    worker: Service

    def turn(self, path: Path, rows: int) -> "Turn":
        """Submit a file, wait for its last result, check them all."""
        busy = self._cpu_seconds()
        job_id = enqueue_input(self.settings, JobRequest(files=[str(path)]).specify(self.settings)).job_id
        while not self._has_result(job_id, rows - 1):
            self.worker.require_running()
            time.sleep(LOOK_EVERY_SECONDS)
        seconds = time.time() - self._announced_at(job_id)
        turn = Turn(rows / seconds, 1e6 * (self._cpu_seconds() - busy) / rows)
        self._check(path, job_id)
        return turn

    def _announced_at(self, job_id: int) -> float:
        """When a worker could first know of a job, in seconds since 1970: its submit ends somewhat later.

        By its first message; qwenq's worker, if it is still at work, does not wait for that one.
        """
        first = select(func.min(chunks.c.published_at), func.min(jobs.c.started_at)).join_from(chunks, jobs)
        with self.store.reading() as connection:
            times: Sequence[datetime | None] = connection.execute(first.where(jobs.c.id == job_id)).one()
        return min(time.timestamp() for time in times if time is not None)

    def _cpu_seconds(self) -> float:
        """What the worker's processes have computed until now; PostgreSQL's are not among them."""
        parent = psutil.Process(self.worker.pid)
        times = [process.cpu_times() for process in (parent, *parent.children(recursive=True))]
        return sum(one.user + one.system for one in times)

    def _has_result(self, job_id: int, seq: int) -> bool:
        """Whether a document is answered: one worker answers in the order of the input."""
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
    """A worker of one kind on a database of one kind, with a Redis of its own."""
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
    """Let both workers take turns on one kind of database."""
    rows, rounds = sizes
    with ExitStack() as stack:
        sides = {
            kind: stack.enter_context(running_side(kind, database, folder, postgres)) for kind in WORKERS
        }
        turns: dict[str, list[Turn]] = {kind: [] for kind in WORKERS}
        for side in sides.values():
            side.turn(folder / "warm.jsonl", WARM_ROWS)
        for round_ in range(rounds):
            # Each goes first in every second round.
            for kind in sorted(sides, reverse=bool(round_ % 2)):
                turns[kind].append(sides[kind].turn(folder / "documents.jsonl", rows))
    _tell(report, database, turns)


def _tell(report: Report, database: str, turns: Mapping[str, Sequence[Turn]]) -> None:
    for kind, taken in turns.items():
        report.add(f"{database}: {kind}", median(turn.rate for turn in taken), "documents/s")
        cpu = median(turn.cpu_microseconds for turn in taken)
        report.add(f"{database}: {kind}, its processes", cpu, "CPU microseconds a document")
    costs = [1 - own.rate / bare.rate for own, bare in zip(turns["qwenq"], turns["bare"], strict=True)]
    report.add(f"{database}: cost, from", 100 * min(costs), "%")
    report.add(f"{database}: cost, to", 100 * max(costs), "%")
    report.bars.append(Bar(f"{database}: share of the documents a second", median(costs), at_most=COST_BAR))


def main() -> int:
    """Measure, tell, and give the exit code."""
    options = parser("measure what claims, leases, fences and outcomes cost")
    options.add_argument("--rows", type=int, default=50_000)
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--database", choices=DATABASES, action="append", help="only this one")
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
