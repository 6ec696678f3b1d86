"""Uploads that are slow, broken off or endless, and a storage or store that is full or away: nothing half is stored."""

import asyncio
import resource
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import make_url, update
from starlette.testclient import TestClient
from starlette.types import Message

from qwenq.schemas.service.bounds import OF_LOCAL
from qwenq.schemas.tables.service import api_batches
from qwenq.server.application import make_application
from qwenq.server.batches.bell import Bell
from qwenq.server.limits import MOST_BODY_BYTES
from qwenq.server.service import Service
from qwenq.store.database.clock import now
from qwenq.store.database.store import Store
from qwenq.store.tenants.tenants import change_bounds
from tests.integration.server.conftest import Desk, jsonl, line

KIND = "multipart/form-data; boundary=b"
HEAD = (
    b'--b\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nbatch\r\n'
    b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.jsonl"\r\n\r\n'
)
END = b"\r\n--b--\r\n"


def kept(desk: Desk) -> list[Path]:
    return [path for path in (desk.settings.home / "files").rglob("*") if path.is_file()]


async def uploaded(desk: Desk, pieces: Iterator[bytes], *, breaks_off: bool) -> list[Message]:
    """Upload pieces, each when it is asked for. Returns what the service sent."""
    sent: list[Message] = []
    coming: list[Message] = [{"type": "http.request", "body": piece, "more_body": True} for piece in pieces]
    coming.append({"type": "http.disconnect"} if breaks_off else {"type": "http.request", "body": b""})

    async def receive() -> Message:
        await asyncio.sleep(0)
        return coming.pop(0)

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {
        "type": "http", "method": "POST", "path": "/v1/files", "raw_path": b"/v1/files", "query_string": b"",
        "root_path": "", "scheme": "http", "http_version": "1.1", "server": ("127.0.0.1", 8000),
        "client": ("127.0.0.1", 1), "headers": [(b"host", b"127.0.0.1:8000"), (b"content-type", KIND.encode())],
    }  # fmt: skip
    await desk.client.app(scope, receive, send)
    return sent


def test_an_upload_that_comes_byte_by_byte_is_whole(sqlite_desk: Desk) -> None:
    content = jsonl(line("a"))
    whole = HEAD + content + END
    sent = asyncio.run(uploaded(sqlite_desk, (bytes([one]) for one in whole), breaks_off=False))
    assert sent[0]["status"] == 200
    [path] = kept(sqlite_desk)
    assert path.read_bytes() == content


def test_an_upload_that_breaks_off_leaves_nothing(sqlite_desk: Desk) -> None:
    asyncio.run(uploaded(sqlite_desk, iter([HEAD, b"{}\n" * 1_000]), breaks_off=True))
    assert kept(sqlite_desk) == []
    assert sqlite_desk.client.get("/v1/files").json()["data"] == []


@pytest.mark.parametrize(
    ("route", "kind", "head", "most", "status", "code"),
    [
        ("batches", "application/json", b"{", MOST_BODY_BYTES, 413, None),
        ("files", KIND, HEAD, 1 << 20, 400, "file_too_large"),
    ],
)
def test_a_body_without_end_is_refused_where_it_is_too_large(
    sqlite_desk: Desk, route: str, kind: str, head: bytes, most: int, status: int, code: str | None
) -> None:
    taken = 0
    assert OF_LOCAL.batch_bytes == 200 * 1024**2
    with sqlite_desk.store.writing() as connection:
        change_bounds(connection, "local", {"batch_bytes": 1 << 20})

    def body() -> Iterator[bytes]:
        nonlocal taken
        yield head
        while taken < 4 * most:
            taken += 1 << 18
            yield b" " * (1 << 18)

    answer = sqlite_desk.client.post(f"/v1/{route}", content=body(), headers={"content-type": kind})
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert kept(sqlite_desk) == []


@pytest.fixture
def _small_files() -> Iterator[None]:
    """No file may grow beyond 2 MiB, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2 << 20, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.usefixtures("_small_files")
def test_a_full_disk_refuses_an_upload_for_now_and_keeps_nothing(sqlite_desk: Desk) -> None:
    files = {"file": ("a.jsonl", b"{}\n" * (1 << 20))}
    answer = sqlite_desk.client.post("/v1/files", data={"purpose": "batch"}, files=files)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert "home" not in answer.text, "where files are concerns operators alone"
    assert kept(sqlite_desk) == []
    assert sqlite_desk.client.get("/v1/files").json()["data"] == []


def test_a_batch_waits_while_the_files_are_away(sqlite_desk: Desk) -> None:
    batch, job_id = sqlite_desk.begun(1)
    sqlite_desk.answer(job_id)
    files = sqlite_desk.settings.home / "files"
    away = files.rename(files.with_name("away"))
    files.write_bytes(b"")
    sqlite_desk.caretaker.look()
    assert sqlite_desk.batch(batch["id"])["status"] == "finalizing"
    refused = sqlite_desk.client.get(f"/v1/files/{batch['input_file_id']}/content")
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "5")
    files.unlink()
    away.rename(files)
    with sqlite_desk.store.writing() as connection:
        connection.execute(update(api_batches).values(holder_expires_at=now(-1.0)))
    sqlite_desk.caretaker.look()
    assert sqlite_desk.batch(batch["id"])["status"] == "completed"


def test_while_the_store_is_away_calls_are_refused_for_now(sqlite_desk: Desk, postgres_url: str) -> None:
    gone = make_url(postgres_url).set(database="gone").render_as_string(hide_password=False)
    with Store(gone) as store:
        parts = (sqlite_desk.settings, store, sqlite_desk.storage, sqlite_desk.broker, Bell())
        client = TestClient(
            make_application(Service(*parts, is_local=True)), base_url="http://127.0.0.1:8000"
        )
        upload: dict[str, Any] = {"data": {"purpose": "batch"}, "files": {"file": ("a.jsonl", b"{}")}}
        for answer in (client.get("/v1/batches"), client.post("/v1/files", **upload), client.get("/healthz")):
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
            assert "gone" not in answer.text
    assert kept(sqlite_desk) == []
