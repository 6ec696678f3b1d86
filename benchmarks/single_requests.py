"""Measure single requests over HTTP: against an idle worker, and behind a backlog.

One `qwenq worker` with the tiny model, one `qwenq serve`, a real Redis; on SQLite and on PostgreSQL. Requests come one
after the other over one connection. What is measured is the time from request to answer, above what the engine itself
took for the answer. All places of the engine are taken behind the backlog, so a request waits until one is free; with
`--places 1` that is exactly until the document before it ends, which is how long an admission takes.

    python -m benchmarks.single_requests [--requests 200] [--backlog 1000000] [--places 1] [--json]
"""

import re
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2 as httpx
from sqlalchemy import func, select

from benchmarks.pipeline import running_worker
from benchmarks.report import Bar, Report, conditions, parser, tell
from benchmarks.services import forget_environment, make_store, running_postgres, running_redis
from qwenq.embedded.service import Service
from qwenq.embedded.session import environment_of
from qwenq.producer.enqueuing import enqueue_rows
from qwenq.schemas.generation import GenerationParams
from qwenq.schemas.jobs import JobSpec
from qwenq.schemas.settings import Settings
from qwenq.schemas.tables.core import jobs, results
from qwenq.store.broker.broker import broker_url
from qwenq.store.database.store import Store, database_url

MODEL = Path(__file__).parents[1] / "examples" / "tiny-qwen3"
ABOVE_BAR_MS = 150.0
ADMISSIONS = 2
WARM_REQUESTS = 10
TOKENS = 16
START_SECONDS = 120.0
QUESTION = "What is the total of the invoice?"


@dataclass(frozen=True)
class Measured:
    """Milliseconds that requests took above the engine's own time, and what a document takes in the engine."""

    above: Sequence[float]
    engine: float

    @property
    def p95(self) -> float:
        """The 95th percentile of what is above."""
        return statistics.quantiles(self.above, n=100)[94]


@contextmanager
def running_server(settings: Settings) -> Iterator[httpx.Client]:
    """Run the service as a process. Gives a client of it."""
    log = settings.home / "serve.log"
    server = Service.of_qwenq("the server", ["serve", "--port", "0"], log, environment_of(settings))
    try:
        deadline = time.monotonic() + START_SECONDS
        while (found := re.search(r"listening at (http://\S+)", log.read_text())) is None:
            server.require_running()
            if time.monotonic() > deadline:
                raise SystemExit("the server does not listen")
            time.sleep(0.1)
        with httpx.Client(base_url=found[1], timeout=600) as client:
            yield client
    finally:
        server.ask_to_stop()
        server.wait_until_stopped(START_SECONDS)


def measure(client: httpx.Client, settings: Settings, requests: int) -> Measured:
    """Ask so many questions, one after the other."""
    body = {
        "model": settings.model,
        "max_tokens": TOKENS,
        "messages": [{"role": "user", "content": QUESTION}],
    }
    taken: dict[str, float] = {}
    for _ in range(requests):
        began = time.perf_counter()
        answer = client.post("/v1/chat/completions", json=body)
        seconds = time.perf_counter() - began
        if answer.status_code != httpx.codes.OK:
            raise SystemExit(f"{answer.status_code}: {answer.text}")
        taken[answer.json()["id"]] = seconds
    with Store(database_url(settings)) as store, store.reading() as connection:
        own = dict(
            connection.execute(
                select(jobs.c.name, results.c.seconds)
                .join(results, results.c.job_id == jobs.c.id)
                .where(jobs.c.urgent)
            ).all()
        )
        others = select(results.c.seconds).join(jobs, jobs.c.id == results.c.job_id).where(~jobs.c.urgent)
        newest = connection.execute(others.order_by(results.c.created_at.desc()).limit(500)).scalars().all()
    above = [1_000 * (seconds - own[name]) for name, seconds in taken.items()]
    return Measured(above, 1_000 * statistics.mean(newest or own.values()))


def enqueue_backlog(settings: Settings, documents: int) -> None:
    """Enqueue so many documents."""
    rows = ({"id": str(place), "text": QUESTION} for place in range(documents))
    spec = JobSpec(model=settings.model or "", params=GenerationParams(max_new_tokens=TOKENS))
    enqueue_rows(settings, spec, rows)


def wait_until_begun(settings: Settings, answers: int) -> None:
    """Wait until so many documents of the backlog are answered."""
    with Store(database_url(settings)) as store:
        while True:
            with store.reading() as connection:
                query = select(func.count()).select_from(results)
                if connection.execute(query).scalar_one() >= answers:
                    return
            time.sleep(0.2)


def run(report: Report, name: str, settings: Settings, requests: int, backlog: int) -> None:
    """Measure on one kind of store."""
    make_store(settings)
    with running_worker(settings), running_server(settings) as client:
        while not client.get("/v1/models").json()["data"]:
            time.sleep(0.1)
        wait_until_ready(client, settings)
        measure(client, settings, WARM_REQUESTS)
        idle = measure(client, settings, requests)
        _add(report, f"{name}, idle worker", idle)
        report.bars.append(
            Bar(f"{name}, idle worker: p95 above the engine's own, ms", idle.p95, at_most=ABOVE_BAR_MS)
        )
        enqueue_backlog(settings, backlog)
        wait_until_begun(settings, requests + 500)
        busy = measure(client, settings, requests)
        _add(report, f"{name}, behind {backlog:,} documents", busy)
        admissions = (busy.p95 - idle.p95) / busy.engine
        what = f"{name}, behind {backlog:,} documents: p95 above that of an idle worker, in documents' times"
        report.bars.append(Bar(what, admissions, at_most=ADMISSIONS))


def wait_until_ready(client: httpx.Client, settings: Settings) -> None:
    """Wait until a worker answers."""
    body = {"model": settings.model, "max_tokens": 1, "messages": [{"role": "user", "content": QUESTION}]}
    while client.post("/v1/chat/completions", json=body).status_code != httpx.codes.OK:
        time.sleep(0.5)


def _add(report: Report, name: str, measured: Measured) -> None:
    report.add(f"{name}: p50 above the engine's own", statistics.median(measured.above), "ms")
    report.add(f"{name}: p95 above the engine's own", measured.p95, "ms")
    report.add(f"{name}: a document in the engine", measured.engine, "ms")


def main() -> int:
    """Measure and report. Returns the exit code."""
    options = parser("measure single requests over HTTP")
    options.add_argument("--requests", type=int, default=200)
    options.add_argument("--backlog", type=int, default=1_000_000)
    options.add_argument("--places", type=int, default=None, help="documents that the engine answers at once")
    options.add_argument("--only", choices=("SQLite", "PostgreSQL"), default=None)
    arguments = options.parse_args()
    forget_environment()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        sqlite = Settings(home=folder / "sqlite", model=str(MODEL), batch_rows=arguments.places)
        with running_redis(sqlite) as redis, running_postgres(folder) as postgres:
            url = postgres.new_database()
            others = {"home": folder / "postgresql", "database_url": url, "broker_url": broker_url(sqlite)}
            stores = {"SQLite": sqlite, "PostgreSQL": sqlite.model_copy(update=others)}
            versions = {"Redis": redis, "PostgreSQL": postgres.version}
            sizes = {name: getattr(arguments, name) or 0 for name in ("requests", "backlog", "places")}
            report = Report("single requests", conditions(versions, **sizes))
            for kind, settings in stores.items():
                if arguments.only in {None, kind}:
                    run(report, kind, settings, arguments.requests, arguments.backlog)
    return tell(report, as_json=arguments.json)


if __name__ == "__main__":
    sys.exit(main())
