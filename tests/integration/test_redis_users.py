"""The users of deploy/redis/users.acl: each may do what its services need, and nothing else."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis as redis_client
from redis.exceptions import AuthenticationError, NoPermissionError

from qwenq.embedded.redis import find_server
from qwenq.embedded.service import Service
from qwenq.schemas.settings import Settings
from qwenq.store.broker.broker import Broker, queue_name
from qwenq.store.database.store import Store
from tests.monitors import running_monitor
from tests.processes import Fleet, qwenq, write_jsonl
from tests.services import Jobs
from tests.waiting import eventually

USERS = Path(__file__).parents[2] / "deploy" / "redis" / "users.acl"
NAMES = ("admin", "producer", "worker", "flower")
QUEUE = queue_name("echo")


@pytest.fixture
def port(tmp_path: Path) -> Iterator[int]:
    """The port of a Redis with these users; each has its name as password."""
    users = USERS.read_text()
    for name in NAMES:
        users = users.replace(f"{name.upper()}_PASSWORD", name)
    (tmp_path / "users.acl").write_text(users)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    options = (
        "--port",
        str(port),
        "--bind",
        "127.0.0.1",
        "--aclfile",
        str(tmp_path / "users.acl"),
        "--save",
        "",
    )
    server = Service("Redis", [find_server(), *options, "--dir", str(tmp_path)], tmp_path / "redis.log", {})
    eventually(lambda: "eady to accept" in server.log.read_text(), "Redis accepts connections")
    yield port
    server.kill()


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    return sqlite_url


def client_of(port: int, user: str) -> redis_client.Redis:
    return redis_client.Redis(port=port, username=user, password=user)


def as_user(settings: Settings, port: int, user: str) -> Settings:
    return settings.model_copy(update={"broker_url": f"redis://{user}:{user}@127.0.0.1:{port}/0"})


def test_each_service_works_with_its_own_user(
    port: int, store: Store, settings: Settings, tmp_path: Path
) -> None:
    of_producer = as_user(settings, port, "producer")
    of_worker = as_user(settings, port, "worker")
    fleet = Fleet(of_worker)
    try:
        worker = fleet.start("worker", "--model", "echo")
        beat = fleet.start("beat")
        with Broker(of_producer) as broker:
            jobs = Jobs(store, broker, of_producer)
            job = jobs.submit(["one", "two"], model="echo", chunk_documents=1)
            assert jobs.status(job.job_id) is not None
            assert job.unannounced is None
            assert broker.depth("echo") >= 0
            assert jobs.wait_until_ended(job.job_id, 40.0).documents.succeeded == 2
        with running_monitor(as_user(settings, port, "flower")) as flower:
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
        submitted = qwenq("submit", file, "--model", "echo", "--wait", cwd=tmp_path, env=environment)
        assert submitted.returncode == 0, submitted.stderr
        assert "permission" not in submitted.stderr
    finally:
        fleet.kill()


def test_users_may_do_nothing_else(port: int) -> None:
    with pytest.raises(AuthenticationError):
        redis_client.Redis(port=port).ping()
    forbidden = {
        "producer": [
            ("GET", QUEUE), ("RPOP", QUEUE), ("DEL", QUEUE), ("LPUSH", "other", "x"), ("FLUSHALL",),
            ("PUBLISH", "/0.celery.pidbox", "x"), ("CONFIG", "GET", "*"), ("KEYS", "*"), ("EVAL", "return 1", "0"),
            ("LPUSH", "a.reply.celery.pidbox", "x"), ("LRANGE", QUEUE, "0", "-1"),
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
        with client_of(port, user) as client:
            for command in commands:
                with pytest.raises(NoPermissionError):
                    client.execute_command(*command)
    with client_of(port, "flower") as client:
        assert client.llen(QUEUE) == 0
