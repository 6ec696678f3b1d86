"""The service in this process: requests without a network, and steps of batches when a test wants them."""

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from qwenq.schemas.errors import TenantExists
from qwenq.schemas.service.tenants import Role
from qwenq.schemas.settings import Settings
from qwenq.server.application import make_application
from qwenq.server.batches.bell import Bell
from qwenq.server.batches.caretaker import Caretaker
from qwenq.server.service import Service
from qwenq.store.broker.broker import Broker
from qwenq.store.database.store import Store
from qwenq.store.files.storage import Storage
from qwenq.store.tenants.keys import create_key
from qwenq.store.tenants.tenants import insert_tenant
from tests.builders import MODEL, answer_all, make_worker

CHAT = "/v1/chat/completions"


class Desk:
    """A service, its client, and what a test does behind its back."""

    def __init__(self, store: Store, settings: Settings, *, is_local: bool = True) -> None:
        self.store = store
        self.settings = settings
        self.storage = Storage.of(settings)
        # Its Redis does not run: nothing here needs it.
        self.broker = Broker(settings)
        self.caretaker = Caretaker(store, self.broker, self.storage, settings)
        service = Service(settings, store, self.storage, self.broker, Bell(), is_local)
        self.application = make_application(service)
        self.client = TestClient(self.application, base_url="http://127.0.0.1:8000")
        self.worker_id = make_worker(store, MODEL)

    def key(self, tenant: str, owner: str = "anna", role: Role = Role.MEMBER) -> dict[str, str]:
        """The header of a new key; the tenant is made if it is missing."""
        with self.store.writing() as connection:
            with suppress(TenantExists):
                insert_tenant(connection, tenant, waits_for_models=False)
            key, _ = create_key(connection, tenant, owner, role, None)
        return {"authorization": f"Bearer {key}"}

    def upload(self, content: bytes, headers: Mapping[str, str] | None = None, /, **fields: str) -> str:
        """Upload a file, and return its id."""
        answer = self.client.post(
            "/v1/files", data={"purpose": "batch", **fields}, files={"file": content}, headers=headers
        )
        assert answer.status_code == 200, answer.text
        return str(answer.json()["id"])

    def create(
        self, file_id: str, headers: Mapping[str, str] | None = None, /, **fields: Any
    ) -> dict[str, Any]:
        """Create a batch; `fields` are more fields of its request, or others."""
        body = {"input_file_id": file_id, "endpoint": CHAT, "completion_window": "24h", **fields}
        answer = self.client.post("/v1/batches", json=body, headers=headers)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def batch(self, batch_id: str) -> dict[str, Any]:
        """Where a batch stands."""
        return dict(self.client.get(f"/v1/batches/{batch_id}").json())

    def begun(self, lines: int, **more: Any) -> tuple[dict[str, Any], int]:
        """A batch of so many lines that is in progress, and its job."""
        batch = self.create(self.upload(jsonl(*(line(f"r{place}", **more) for place in range(lines)))))
        self.caretaker.look()
        with self.store.reading() as connection:
            job_id = connection.exec_driver_sql("SELECT max(id) FROM jobs").scalar_one()
        return self.batch(batch["id"]), job_id

    def lines_of(self, file_id: str | None) -> list[dict[str, Any]]:
        """The lines of a batch's file."""
        if file_id is None:
            return []
        text = self.client.get(f"/v1/files/{file_id}/content").text
        return [json.loads(found) for found in text.splitlines()]

    def answer(self, job_id: int) -> None:
        """Answer all documents of a job."""
        answer_all(self.store, job_id, self.worker_id)


def line(custom_id: str, **body: Any) -> dict[str, Any]:
    """A good line; `body` adds to its body."""
    asked = {"model": MODEL, "messages": [{"role": "user", "content": "hello"}], **body}
    return {"custom_id": custom_id, "method": "POST", "url": CHAT, "body": asked}


def jsonl(*lines: Mapping[str, Any]) -> bytes:
    """Lines as a file."""
    return "".join(json.dumps(one) + "\n" for one in lines).encode()


@pytest.fixture
def desk(store: Store, settings: Settings) -> Iterator[Desk]:
    """The service on each database."""
    desk = Desk(store, settings)
    yield desk
    desk.broker.close()


@pytest.fixture
def sqlite_desk(sqlite_url: str, tmp_path: Path) -> Iterator[Desk]:
    """The service on SQLite, for what SQL has no part in."""
    settings = Settings(home=tmp_path / "home", database_url=sqlite_url, lease_seconds=4)
    with Store(sqlite_url) as store:
        desk = Desk(store, settings)
        yield desk
        desk.broker.close()
