"""The users of deploy/redis/users.acl: each may do what its services need, and nothing else."""

import os
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import redis as redis_client
from redis.exceptions import AuthenticationError, NoPermissionError

from qwenq.embedded.redis import find_server
from qwenq.embedded.service import Service
from qwenq.schemas.chunks import Announcement
from qwenq.schemas.jobs import Priority
from qwenq.schemas.settings import Settings
from qwenq.server.bounds.rates import Rate, Rates
from qwenq.store.broker.broker import Broker, queue_name
from qwenq.store.broker.urgent_news import UrgentAnnouncer, urgent_news
from qwenq.store.database.store import Store
from tests.commands import qwenq_here
from tests.monitors import running_monitor
from tests.processes import Fleet, write_jsonl
from tests.services import Jobs
from tests.waiting import eventually

MAKE_SECRETS = Path(__file__).parents[2] / "deploy" / "make-secrets.sh"
QUEUE = queue_name("echo")


@pytest.fixture
def secrets(tmp_path: Path) -> Iterator[Path]:
    """The secrets of a deployment, whose Redis runs with its users."""
    folder = tmp_path / "secrets"
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {**os.environ, "REDIS": f"127.0.0.1:{port}"}
    subprocess.run([MAKE_SECRETS, folder], env=environment, check=True, capture_output=True)
    options = ("--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(tmp_path))
    command = [find_server(), *options, "--aclfile", str(folder / "redis" / "users.acl")]
    server = Service("Redis", command, tmp_path / "redis.log", {})
    eventually(lambda: "eady to accept" in server.log.read_text(), "Redis accepts connections", 30)
    yield folder
    server.kill()


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    return sqlite_url


def broker_of(secrets: Path, service: str) -> str:
    return (secrets / service / "qwenq_broker_url").read_text()


def as_user(settings: Settings, secrets: Path, service: str) -> Settings:
    return settings.model_copy(update={"broker_url": broker_of(secrets, service)})


def test_each_service_works_with_its_own_user(
    secrets: Path, store: Store, settings: Settings, tmp_path: Path
) -> None:
    of_producer = as_user(settings, secrets, "producer")
    of_worker = as_user(settings, secrets, "worker")
    fleet = Fleet(of_worker)
    try:
        worker = fleet.start("worker", "--model", "echo")
        beat = fleet.start("beat", env={"QWENQ_BROKER_URL": broker_of(secrets, "beat")})
        with Broker(of_producer) as broker:
            jobs = Jobs(store, broker, of_producer)
            job = jobs.submit(["one", "two"], model="echo", chunk_documents=1)
            assert jobs.status(job.job_id) is not None
            assert job.unannounced is None
            assert broker.depth("echo") >= 0
            assert jobs.wait_until_ended(job.job_id, 40.0).documents.succeeded == 2
        rates = Rates(as_user(settings, secrets, "api"))
        few = Rate(1, per_hour=False, whose=("tenant", "acme"))
        assert [rates.hit([few]).refused for _ in range(2)] == [False, True]
        assert Rates(as_user(settings, secrets, "api")).hit([few]).refused, "it was counted in Redis"
        with running_monitor(as_user(settings, secrets, "flower")) as flower:
            eventually(lambda: "echo-" in flower.get("/workers?json=1").text, "Flower sees the worker", 30)
            node = next(one for one in flower.monitor.events.state.workers if one.startswith("echo-"))
            eventually(lambda: flower.get(f"/worker/{node}").status_code == 200, "Flower asks the worker", 30)
            assert flower.get("/broker").status_code == 200
        for service in (worker, beat):
            assert service.exit_code is None
            assert "NOPERM" not in service.log.read_text()
            assert "permission" not in service.log.read_text()
        file = write_jsonl(tmp_path / "rows.jsonl", [{"id": "a", "text": "three"}])
        environment = {
            "QWENQ_BROKER_URL": str(of_producer.broker_url),
            "QWENQ_DATABASE_URL": str(settings.database_url),
        }
        submitted = qwenq_here("submit", file, "--model", "echo", "--wait", cwd=tmp_path, env=environment)
        assert submitted.returncode == 0, submitted.stderr
        assert "permission" not in submitted.stderr
    finally:
        fleet.kill()


def test_the_service_counts_requests_and_tells_of_urgent_ones_as_its_user(
    secrets: Path, settings: Settings
) -> None:
    of_api = as_user(settings, secrets, "api")
    rates = [Rate(1, per_hour=False, whose=("tenant", "acme"))]
    assert [Rates(of_api).hit(rates).refused for _ in range(2)] == [False, True], (
        "counted in Redis, not apart"
    )
    with Broker(as_user(settings, secrets, "worker")) as listening, urgent_news(listening, "echo") as told:
        with Broker(of_api) as broker:
            UrgentAnnouncer(broker).announce(Announcement(1, "echo", Priority.HIGH))
        assert told(10.0)


def test_users_may_do_nothing_else(secrets: Path) -> None:
    with pytest.raises(AuthenticationError):
        redis_client.Redis(port=urlsplit(broker_of(secrets, "worker")).port or 0).ping()
    forbidden = {
        "producer": [
            ("GET", QUEUE), ("RPOP", QUEUE), ("DEL", QUEUE), ("LPUSH", "other", "x"), ("FLUSHALL",),
            ("PUBLISH", "/0.celery.pidbox", "x"), ("CONFIG", "GET", "*"), ("KEYS", "*"), ("EVAL", "return 1", "0"),
            ("LPUSH", "a.reply.celery.pidbox", "x"), ("LRANGE", QUEUE, "0", "-1"),
        ],
        "api": [
            ("GET", QUEUE), ("RPOP", QUEUE), ("DEL", QUEUE), ("FLUSHALL",), ("KEYS", "*"), ("SET", QUEUE, "x"),
            ("SET", "other", "x"), ("DEL", "qwenq.limits:x"), ("PUBLISH", "/0.celery.pidbox", "x"),
            ("EVAL", "return redis.call('rpop', KEYS[1])", "1", QUEUE), ("CONFIG", "GET", "*"), ("SCRIPT", "FLUSH"),
        ],
        "worker": [
            ("LPUSH", "other", "x"), ("FLUSHALL",), ("CONFIG", "SET", "dir", "/"), ("KEYS", "*"),
            ("EVAL", "return 1", "0"), ("SAVE",), ("SHUTDOWN",), ("REPLICAOF", "a", "1"),
            ("PUBLISH", "other", "x"), ("ACL", "LIST"),
        ],
        "flower": [
            ("LPUSH", QUEUE, "x"), ("RPOP", QUEUE), ("BRPOP", QUEUE, "1"), ("DEL", QUEUE), ("FLUSHALL",),
            ("LRANGE", QUEUE, "0", "-1"), ("SET", "a.reply.celery.pidbox", "x"), ("CONFIG", "GET", "*"), ("KEYS", "*"),
        ],
    }  # fmt: skip
    for user, commands in forbidden.items():
        with redis_client.Redis.from_url(broker_of(secrets, user)) as client:
            for command in commands:
                with pytest.raises(NoPermissionError):
                    client.execute_command(*command)
    with redis_client.Redis.from_url(broker_of(secrets, "flower")) as client:
        assert client.llen(QUEUE) == 0
