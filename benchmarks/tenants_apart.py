"""Measure whether the time of a 404 tells that another tenant has the object: every route, on both databases.

The service runs in this process. Each route is asked with an id of another tenant and with an id that nobody has, in
turns and in changing order, so that load falls on both alike.

    python -m benchmarks.tenants_apart [--rounds 400] [--batches 300] [--json]
"""

import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import cast

from fastapi import FastAPI

from benchmarks.report import Bar, Report, conditions, parser, tell
from benchmarks.services import FreshStores, forget_environment, running_postgres, running_redis
from qwenq.schemas.service.tenants import Role
from qwenq.schemas.settings import Settings
from qwenq.store.broker.broker import broker_url
from qwenq.store.database.store import Store, database_url
from qwenq.store.tenants.tenants import change_bounds
from tests.integration.server.conftest import Desk, jsonl, line
from tests.integration.server.foreign_ids import Call, calls_of, nobodys
from tests.integration.server.test_tenants_apart import ids_of

MOST_PERCENT = 5.0
"""How far medians may lie apart, or twice as far as those of two ids that nobody has."""
WARM_ROUNDS = 20


@dataclass(frozen=True)
class Medians:
    """The median milliseconds of a call with another tenant's id, and with two ids that nobody has."""

    foreign: float
    nobody: float
    control: float

    @property
    def percent(self) -> float:
        """How far the first two lie apart."""
        return abs(self.foreign - self.nobody) / self.nobody * 100

    @property
    def noise(self) -> float:
        """How far the last two lie apart, in percent: what the machine alone does."""
        return abs(self.control - self.nobody) / self.nobody * 100


def measure(desk: Desk, rounds: int, batches: int) -> dict[str, Medians]:
    """What each call takes."""
    owner, other = desk.key("acme", role=Role.ADMIN), desk.key("other", role=Role.ADMIN)
    with desk.store.writing() as connection:
        for tenant in ("acme", "other"):
            change_bounds(connection, tenant, dict.fromkeys(("requests_per_minute", "requests_per_hour")))
    for key in (owner, other):
        file_id = desk.upload(jsonl(line("a")), key)
        for _ in range(batches):
            desk.create(file_id, key)
    mine = ids_of(desk, owner)
    application = cast("FastAPI", desk.client.app)
    other_ids = {name: f"{value[:-6]}yyyyyy" for name, value in mine.items()}
    all_calls = [calls_of(application, ids) for ids in (mine, nobodys(mine), other_ids)]
    return {
        f"{calls[0].method} {calls[0].route}": _medians(desk, calls, other, rounds)
        for calls in zip(*all_calls, strict=True)
        if calls[0].must_miss
    }


def _medians(desk: Desk, calls: Sequence[Call], headers: dict[str, str], rounds: int) -> Medians:
    took: list[list[float]] = [[] for _ in calls]
    for place in range(rounds + WARM_ROUNDS):
        for turn in range(len(calls)):
            which = (place + turn) % len(calls)
            began = time.perf_counter()
            status = calls[which].sent(desk.client, headers).status_code
            seconds = time.perf_counter() - began
            if status != HTTPStatus.NOT_FOUND:
                raise SystemExit(f"{calls[which].url}: {status}")
            if place >= WARM_ROUNDS:
                took[which].append(seconds * 1_000)
    return Medians(*map(statistics.median, took))


def main() -> int:
    """Measure, and print the report."""
    options = parser(__doc__ or "")
    options.add_argument("--rounds", type=int, default=400)
    options.add_argument("--batches", type=int, default=300)
    given = options.parse_args()
    forget_environment()
    report = Report(
        "What the time of a 404 tells about other tenants",
        conditions(rounds=given.rounds, batches=given.batches),
    )
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        base = Settings(home=folder)
        with running_redis(base), running_postgres(folder) as postgres:
            stores = FreshStores(folder, broker_url(base), postgres)
            ways: dict[str, Callable[[], AbstractContextManager[Settings]]] = {
                "SQLite": stores.sqlite,
                "PostgreSQL": stores.postgresql,
            }
            for database, fresh in ways.items():
                with fresh() as settings, Store(database_url(settings)) as store:
                    found = measure(Desk(store, settings), given.rounds, given.batches)
                for route, medians in found.items():
                    report.add(f"{database}, {route}, another tenant's", medians.foreign, "ms")
                    report.add(f"{database}, {route}, nobody's", medians.nobody, "ms")
                noise = max(medians.noise for medians in found.values())
                report.add(f"{database}: medians of two ids that nobody has, at most apart", noise, "%")
                apart = max(medians.percent for medians in found.values())
                most = max(MOST_PERCENT, 2 * noise)
                report.bars.append(Bar(f"{database}: medians at most apart, percent", apart, at_most=most))
    return tell(report, as_json=given.json)


if __name__ == "__main__":
    sys.exit(main())
