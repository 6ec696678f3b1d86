"""Measure the whole pipeline without a model: messages, claims, prompts, stored answers.

One `qwenq worker --model echo` process, which answers with the document itself, a real Redis, and SQLite; the same on
PostgreSQL for information. The worker answers a small job first, so that it is warm. At the end every document must
have exactly one answer, the right one.

    python -m benchmarks.pipeline [--rows 100000] [--json]
"""

import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import orjson

from benchmarks.report import Bar, Report, conditions, parser, tell
from benchmarks.services import forget_environment, make_store, running_postgres, running_redis
from benchmarks.workload import write_documents
from qwenq.actions.request import JobRequest
from qwenq.embedded.service import Service
from qwenq.embedded.session import environment_of
from qwenq.producer.enqueuing import enqueue_input
from qwenq.schemas.jobs import JobStatus
from qwenq.schemas.settings import Settings
from qwenq.store.broker.broker import broker_url
from qwenq.store.database.store import Store, database_url
from qwenq.store.views.answers.results import count_answers, results_of
from qwenq.store.views.jobs.statuses import job_status

RATE_BAR = 5_000
WARM_ROWS = 2_000
LOOK_EVERY_SECONDS = 0.1
STOP_SECONDS = 60.0


@contextmanager
def running_worker(settings: Settings) -> Iterator[Service]:
    """Run a worker as a process."""
    log = settings.home / "worker.log"
    worker = Service.of_qwenq("the worker", ["worker"], log, environment_of(settings))
    try:
        yield worker
    finally:
        worker.ask_to_stop()
        worker.wait_until_stopped(STOP_SECONDS)


class Pipeline:
    """A store, a broker, and a worker that waits for jobs."""

    def __init__(self, settings: Settings, worker: Service) -> None:
        self._settings = settings
        self._worker = worker
        self._store = Store(database_url(settings))

    def answer(self, path: Path) -> tuple[JobStatus, float, float]:
        """Submit a file and wait for its last answer. Returns the status, the seconds of submit, and those after it."""
        began = time.perf_counter()
        job_id = enqueue_input(self._settings, JobRequest(files=[str(path)]).specify(self._settings)).job_id
        submitted = time.perf_counter()
        while not (status := self._status(job_id)).state.ended:
            self._worker.require_running()
            time.sleep(LOOK_EVERY_SECONDS)
        ended = time.perf_counter()
        self._check(path, status)
        return status, submitted - began, ended - submitted

    def _status(self, job_id: int) -> JobStatus:
        with self._store.reading() as connection:
            status = job_status(connection, job_id)
        if status is None:
            raise SystemExit("the job is missing")
        return status

    def _check(self, path: Path, status: JobStatus) -> None:
        """Compare each answer with its document."""
        counts = status.documents
        with self._store.reading() as connection, path.open("rb") as lines:
            right = 0
            for line, answer in zip(lines, results_of(connection, status.id), strict=True):
                document = orjson.loads(line)
                right += (answer.custom_id, answer.text) == (document["id"], document["text"])
            answers = count_answers(connection, status.id)
        if not right == answers == counts.total == counts.succeeded:
            raise SystemExit(f"{right:,} of {answers:,} answers are right: {counts}")


def measure(report: Report, name: str, settings: Settings, folder: Path, rows: int) -> float:
    """Measure one kind of store. Returns documents a second from the job's start to its end."""
    make_store(settings)
    documents, warm = folder / "documents.jsonl", folder / "warm.jsonl"
    with running_worker(settings) as worker:
        pipeline = Pipeline(settings, worker)
        pipeline.answer(warm)
        status, submit_seconds, seconds = pipeline.answer(documents)
    if status.started_at is None or status.finished_at is None:
        raise SystemExit("the job has no times")
    rate = rows / (status.finished_at - status.started_at).total_seconds()
    report.add(f"{name}: from the job's start to its end", rate, "documents/s")
    report.add(f"{name}: from the end of submit to the last answer", rows / seconds, "documents/s")
    report.add(f"{name}: submit and answers together", rows / (submit_seconds + seconds), "documents/s")
    return rate


def main() -> int:
    """Measure and report. Returns the exit code."""
    options = parser("measure the pipeline without a model")
    options.add_argument("--rows", type=int, default=100_000)
    arguments = options.parse_args()
    rows: int = arguments.rows
    forget_environment()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        line = write_documents(folder / "documents.jsonl", rows)
        write_documents(folder / "warm.jsonl", WARM_ROWS)
        sqlite = Settings(home=folder / "sqlite", model="echo")
        with running_redis(sqlite) as redis, running_postgres(folder) as postgres:
            broker = broker_url(sqlite)
            postgresql = Settings(
                home=folder / "postgresql",
                database_url=postgres.new_database(),
                broker_url=broker,
                model="echo",
            )
            versions = {"Redis": redis, "PostgreSQL": postgres.version}
            report = Report("pipeline", conditions(versions, rows=rows, **{"bytes a line": line}))
            rate = measure(report, "SQLite", sqlite, folder, rows)
            report.bars.append(Bar("SQLite: documents a second through one worker", rate, at_least=RATE_BAR))
            measure(report, "PostgreSQL", postgresql, folder, rows)
    return tell(report, as_json=arguments.json)


if __name__ == "__main__":
    sys.exit(main())
