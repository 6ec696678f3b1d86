"""Fixtures for tests of trouble: leases outlive it, so that nothing may be computed twice."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from qwenq.schemas.settings import Settings
from tests.audit import audit
from tests.chaos.world.servers import PostgresServer
from tests.integration.trouble.slow_worker import SlowWorker
from tests.processes import Fleet
from tests.services import Jobs

Start = Callable[..., SlowWorker]


@pytest.fixture
def settings(tmp_path: Path, database_url: str) -> Settings:
    """Settings with a lease that does not expire while a server restarts."""
    return Settings(home=tmp_path / "home", database_url=database_url, lease_seconds=30, stop_seconds=5)


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    """A PostgreSQL that no other test uses."""
    server = PostgresServer()
    yield server
    server.close()


@pytest.fixture
def start(fleet: Fleet, tmp_path: Path) -> Start:
    """Start a slow worker with its own settings."""
    return lambda **settings: SlowWorker(fleet, tmp_path, **settings)


def assert_answered_without_loss(jobs: Jobs, job_id: int, worker: SlowWorker) -> None:
    """Assert that the worker's first process computed each document's answer, once."""
    status = jobs.wait_until_ended(job_id)
    assert (status.state, status.documents.succeeded) == ("completed", status.documents.total)
    with jobs.store.reading() as connection:
        audit(connection, job_id)
    assert len(worker.processes()) == 1
    assert worker.computed() == dict.fromkeys(range(status.documents.total), 1)
