"""Redis restarts, forgets, is full, or cuts connections: stored chunks are announced in the end, and work goes on."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import redis as redis_client

from qwenq.schemas.settings import Settings
from tests.chaos.world.servers import RedisServer
from tests.integration.trouble.conftest import Start, assert_answered_without_loss
from tests.integration.trouble.slow_worker import texts
from tests.services import Jobs
from tests.waiting import eventually

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

DOCUMENTS = 80
FULL = 1
"""Bytes: less than Redis itself needs, so that it takes no more messages."""


@pytest.fixture
def settings(tmp_path: Path, database_url: str) -> Settings:
    """Settings with a short lease, since lost messages are found every half lease."""
    return Settings(home=tmp_path / "home", database_url=database_url, lease_seconds=4, stop_seconds=5)


@pytest.fixture
def redis(settings: Settings) -> Iterator[RedisServer]:
    """A Redis that can get into trouble."""
    server = RedisServer(settings)
    yield server
    server.close()


@pytest.fixture
def client(redis: RedisServer) -> Iterator[redis_client.Redis]:
    """A client of that Redis."""
    with redis_client.Redis(unix_socket_path=str(redis.socket)) as client:
        yield client


@pytest.mark.parametrize("how", ["restart", "flush"])
def test_jobs_go_on_and_begin_after_redis_was_in_trouble(
    jobs: Jobs, start: Start, redis: RedisServer, how: str
) -> None:
    worker = start()
    first = jobs.submit(texts(DOCUMENTS), model="echo", chunk_documents=20)
    worker.wait_until_computing()
    getattr(redis, how)()
    assert_answered_without_loss(jobs, first.job_id, worker)
    second = jobs.submit(texts(4), model="echo", chunk_documents=1)
    assert jobs.wait_until_ended(second.job_id).documents.succeeded == 4


def test_cut_connections_to_redis_lose_no_document(
    jobs: Jobs, start: Start, client: redis_client.Redis
) -> None:
    worker = start()
    first = jobs.submit(texts(DOCUMENTS), model="echo", chunk_documents=20)
    worker.wait_until_computing()
    assert client.client_kill_filter(skipme=True) > 0
    assert_answered_without_loss(jobs, first.job_id, worker)
    second = jobs.submit(texts(4), model="echo", chunk_documents=1)
    assert jobs.wait_until_ended(second.job_id).documents.succeeded == 4


def test_a_worker_goes_on_while_redis_is_full_and_takes_the_next_job_later(
    jobs: Jobs, start: Start, client: redis_client.Redis
) -> None:
    worker = start()
    first = jobs.submit(texts(DOCUMENTS), model="echo", chunk_documents=20)
    worker.wait_until_computing()
    client.config_set("maxmemory", FULL)
    assert_answered_without_loss(jobs, first.job_id, worker)
    client.config_set("maxmemory", 0)
    second = jobs.submit(texts(4), model="echo", chunk_documents=1)
    assert jobs.wait_until_ended(second.job_id).documents.succeeded == 4
    assert worker.service.exit_code is None


def test_submit_succeeds_while_redis_is_full_and_the_job_is_announced_later(
    jobs: Jobs, start: Start, client: redis_client.Redis
) -> None:
    client.config_set("maxmemory", FULL)
    submission = jobs.submit(texts(4), model="echo", chunk_documents=1)
    assert submission.unannounced is not None
    assert "OOM" in submission.unannounced
    worker = start()
    eventually(lambda: "out of memory" in worker.log, "the reconciler logs it")
    client.config_set("maxmemory", 0)
    assert jobs.wait_until_ended(submission.job_id).documents.succeeded == 4
