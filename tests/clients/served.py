"""A service with a worker of the tiny model, for clients that run beside it."""

import json
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from qwenq.embedded.service import Service
from qwenq.embedded.session import environment_of
from qwenq.schemas.service.tenants import Role
from qwenq.schemas.settings import Settings
from qwenq.store.database.store import Store
from qwenq.store.database.version import upgrade_store
from qwenq.store.tenants.keys import create_key
from qwenq.store.tenants.tenants import insert_tenant
from qwenq.store.tenants.webhooks import set_webhook
from tests.chaos.world.servers import RedisServer
from tests.processes import ONE_THREAD, TINY_MODEL
from tests.waiting import eventually

MODEL = "tiny-qwen3"
LINES = 4


@dataclass(frozen=True, slots=True)
class Served:
    """Where the service is, a key of a member, and a batch file of LINES lines.

    Events of batches are posted to `hook_port`, where a client may listen.
    """

    address: str
    key: str
    model: str
    batch_file: Path
    hook_port: int
    hook_secret: str

    @property
    def environment(self) -> dict[str, str]:
        """What a client's program is told."""
        return {
            "OPENAI_BASE_URL": f"{self.address}/v1",
            "OPENAI_API_KEY": self.key,
            "MODEL": self.model,
            "BATCH_FILE": str(self.batch_file),
            "LINES": str(LINES),
            "HOOK_PORT": str(self.hook_port),
            "OPENAI_WEBHOOK_SECRET": self.hook_secret,
        }


@contextmanager
def served(home: Path) -> Iterator[Served]:
    """Start Redis, a worker, beat and the service; stop them at the end."""
    settings = Settings(home=home, database_url=f"sqlite:///{home}/store.db", webhook_hosts=("127.0.0.1",))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = int(listener.getsockname()[1])
    model = str(TINY_MODEL)
    with Store(f"sqlite:///{home}/store.db") as store:
        upgrade_store(store)
        with store.writing() as connection:
            insert_tenant(connection, "acme", waits_for_models=False)
            key, _ = create_key(connection, "acme", "anna", Role.MEMBER, None)
            secret = set_webhook(connection, "acme", f"http://127.0.0.1:{port}/events")
    redis, services = RedisServer(settings), list[Service]()
    environment = {**ONE_THREAD, **environment_of(settings)}
    try:
        for name, *more in (
            ("worker", "--model", model),
            ("beat",),
            ("serve", "--model", model, "--port", "0"),
        ):
            log = home / "logs" / f"{name}.log"
            services.append(Service.of_qwenq(name, (name, *more), log, environment))
        yield Served(_address(services[-1]), key, model, _batch_file(home, model), port, secret)
    finally:
        for service in services:
            service.kill()
        redis.close()


def _address(server: Service) -> str:
    def found() -> re.Match[str] | None:
        server.require_running()
        return re.search(r"listening at (http://\S+)", server.log.read_text("utf-8"))

    listening = eventually(found, "the service listens")
    assert listening
    return listening[1]


def _batch_file(home: Path, model: str) -> Path:
    body = {"model": model, "messages": [{"role": "user", "content": "What is the total?"}], "max_tokens": 8}
    rows = (
        {"custom_id": f"r{place}", "method": "POST", "url": "/v1/chat/completions", "body": body}
        for place in range(LINES)
    )
    path = home / "batch.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path
