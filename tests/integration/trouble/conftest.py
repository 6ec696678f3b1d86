"""What the tests of trouble share: leases that outlive it, so that whatever is computed twice is seen."""

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
    """Settings of a test, with a lease that is not lost while a server starts anew."""
    return Settings(home=tmp_path / "home", database_url=database_url, lease_seconds=30, stop_seconds=5)


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    """A PostgreSQL that no other test relies on."""
    server = PostgresServer()
    yield server
    server.close()


@pytest.fixture
def start(fleet: Fleet, tmp_path: Path) -> Start:
    """Starts a slow worker, with settings of its own."""
    return lambda **settings: SlowWorker(fleet, tmp_path, **settings)


def assert_answered_without_loss(jobs: Jobs, job_id: int, worker: SlowWorker) -> None:
    """Each document has its answer, computed once, by the one process that the worker began with."""
    status = jobs.wait_until_ended(job_id)
    assert (status.state, status.documents.succeeded) == ("completed", status.documents.total)
    with jobs.store.reading() as connection:
        audit(connection, job_id)
    assert len(worker.processes()) == 1
    assert worker.computed() == dict.fromkeys(range(status.documents.total), 1)
