"""Measure how fast `qwenq serve` answers 100 clients that poll 1,000 batches with 1,000,000 documents.

Each client holds a key of one tenant, and a connection. Every second it retrieves its batch, which is in progress, and
lists the newest twenty; the clients are spread over the second. Service, database and clients share the cores.
The clients then ask without a pause for a few seconds, which tells what one process can answer at most.

    python -m benchmarks.service_polling [--batches 1000] [--documents 1000000] [--clients 100] [--seconds 30] [--json]
"""

import asyncio
import random
import sys
import tempfile
import time
from pathlib import Path
from statistics import median, quantiles

from benchmarks.full_store import fill_batches
from benchmarks.report import Bar, Report, conditions, parser, tell
from benchmarks.services import FreshStores, forget_environment, running_postgres, running_redis
from benchmarks.serving import Client, served
from benchmarks.submit import FreshStore
from qwenq.schemas.service.tenants import Role
from qwenq.schemas.settings import Settings
from qwenq.store.broker.broker import broker_url
from qwenq.store.database.store import Store, database_url
from qwenq.store.tenants.keys import create_key
from qwenq.store.tenants.tenants import insert_tenant

ANSWER_BAR_MS = 50.0
PAUSE_SECONDS = 1.0
BUSY_SECONDS = 5.0
TENANT = "acme"


class Polled:
    """The milliseconds of answers, by route."""

    def __init__(self) -> None:
        self.retrieve: list[float] = []
        self.list: list[float] = []


async def poll(client: Client, batch_id: str, until: float, pause: float, polled: Polled) -> None:
    """Retrieve a batch and list all, again and again."""
    await asyncio.sleep(random.uniform(0.0, pause))
    due = time.perf_counter()
    while due < until:
        for path, took in ((f"/v1/batches/{batch_id}", polled.retrieve), ("/v1/batches", polled.list)):
            began = time.perf_counter()
            await client.get(path)
            took.append((time.perf_counter() - began) * 1_000)
        due = max(due + pause, time.perf_counter())
        await asyncio.sleep(due - time.perf_counter())


async def poll_all(port: int, key: str, batch_ids: list[str], seconds: float, pause: float) -> Polled:
    """Let one client for each of the batches poll."""
    clients = [Client(port, key) for _ in batch_ids]
    for client in clients:
        await client.get("/v1/batches?limit=1")
    polled, until = Polled(), time.perf_counter() + seconds
    await asyncio.gather(
        *(poll(client, one, until, pause, polled) for client, one in zip(clients, batch_ids, strict=True))
    )
    for client in clients:
        await client.close()
    return polled


def measure(
    report: Report,
    name: str,
    fresh: FreshStore,
    *,
    batches: int,
    documents: int,
    clients: int,
    seconds: float,
) -> None:
    """Fill one kind of store, and poll."""
    with fresh() as settings:
        with Store(database_url(settings)) as store:
            with store.writing() as connection:
                insert_tenant(connection, TENANT)
                key, _ = create_key(connection, TENANT, "anna", Role.ADMIN, None)
            running = fill_batches(store, TENANT, batches, documents // batches, clients)
        with served(settings, settings.home / "serve.log") as service:
            used = service.cpu_seconds
            polled = asyncio.run(poll_all(service.port, key, running, seconds, PAUSE_SECONDS))
            used = service.cpu_seconds - used
            busy = asyncio.run(poll_all(service.port, key, running, BUSY_SECONDS, 0.0))
    answers = len(polled.retrieve) + len(polled.list)
    report.add(f"{name}: answers a second", answers / seconds, "")
    report.add(f"{name}: CPU of the service for an answer", used / answers * 1_000, "ms")
    for what, took in (("GET /v1/batches/{id}", polled.retrieve), ("GET /v1/batches", polled.list)):
        report.add(f"{name}: {what}, p50", median(took), "ms")
        p95 = quantiles(took, n=20)[-1]
        report.bars.append(Bar(f"{name}: {what}, p95 in ms", p95, at_most=ANSWER_BAR_MS))
    most = (len(busy.retrieve) + len(busy.list)) / BUSY_SECONDS
    report.add(f"{name}: answers a second without pauses", most, "")
    report.add(
        f"{name}: GET /v1/batches/{{id}} without pauses, p95", quantiles(busy.retrieve, n=20)[-1], "ms"
    )


def main() -> int:
    """Measure and report. Returns the exit code."""
    options = parser("measure polling clients of the service")
    options.add_argument("--batches", type=int, default=1_000)
    options.add_argument("--documents", type=int, default=1_000_000)
    options.add_argument("--clients", type=int, default=100)
    options.add_argument("--seconds", type=float, default=30.0)
    arguments = options.parse_args()
    sizes = {name: getattr(arguments, name) for name in ("batches", "documents", "clients")}
    forget_environment()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        home = Settings(home=folder / "redis")
        with running_redis(home) as redis, running_postgres(folder) as postgres:
            report = Report(
                "service: polling", conditions({"Redis": redis, "PostgreSQL": postgres.version}, **sizes)
            )
            stores = FreshStores(folder, broker_url(home), postgres)
            for kind, fresh in (("SQLite", stores.sqlite), ("PostgreSQL", stores.postgresql)):
                measure(report, kind, fresh, **sizes, seconds=arguments.seconds)
    return tell(report, as_json=arguments.json)


if __name__ == "__main__":
    sys.exit(main())
