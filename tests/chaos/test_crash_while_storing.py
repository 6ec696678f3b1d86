"""PostgreSQL crashes while a job is stored and loses rows; the producer notices."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from qwenq.producer.enqueuing import enqueue_job
from qwenq.schemas.documents import Row
from qwenq.schemas.errors import RowsLost
from qwenq.schemas.jobs import JobSpec
from qwenq.schemas.settings import Settings
from qwenq.schemas.tables.core import jobs
from qwenq.store.broker.broker import Broker
from qwenq.store.database.store import Store
from qwenq.store.database.version import upgrade_store
from tests.builders import rows
from tests.chaos.world.servers import PostgresServer

BATCH = 10
SPEC = JobSpec(model="echo", sources=("in.jsonl",))


@pytest.fixture
def server() -> Iterator[PostgresServer]:
    """A server that writes asynchronous commits late."""
    server = PostgresServer(wal_writer_delay="10s")
    yield server
    server.close()


@pytest.mark.parametrize("stored", [BATCH, 2 * BATCH])
def test_a_job_whose_rows_were_lost_in_a_crash_is_refused_and_removed(
    server: PostgresServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stored: int
) -> None:
    monkeypatch.setattr("qwenq.producer.storing.BATCH_ROWS", BATCH)
    settings = Settings(home=tmp_path, database_url=server.url)

    def crashing() -> Iterator[Row]:
        for number, row in enumerate(rows(2 * BATCH)):
            if number == stored:
                server.crash()
            yield row
        if stored == 2 * BATCH:
            server.crash()

    with Store(server.url) as store, Broker(settings) as broker:
        upgrade_store(store)
        with pytest.raises(RowsLost):
            enqueue_job(store, broker, settings, SPEC, crashing())
        with store.reading() as connection:
            assert connection.execute(select(jobs.c.id)).all() == []
