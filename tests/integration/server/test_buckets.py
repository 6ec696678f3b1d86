"""Files in a bucket, on a real server that speaks S3: whole or not at all, whatever breaks."""

import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from qwenq.schemas.errors import FilesAway, InvalidSetting
from qwenq.schemas.settings import Settings
from qwenq.store.database.store import Store
from qwenq.store.files.s3_writing import PART_BYTES
from qwenq.store.files.storage import Storage
from tests.integration.server.conftest import Desk, jsonl, line
from tests.s3_server import BUCKET, KEYS, S3Server, s3_server

URL = f"s3://{BUCKET}/qwenq"
LARGE = bytes(range(256)) * (PART_BYTES // 256 * 2 + 1)
"""Two parts and a bit."""


@pytest.fixture(scope="module")
def _server() -> Iterator[S3Server]:
    with s3_server() as server:
        yield server


@pytest.fixture
def server(_server: S3Server, monkeypatch: pytest.MonkeyPatch) -> S3Server:
    """The server with an empty bucket, which the environment names."""
    for name, value in {**KEYS, "AWS_ENDPOINT_URL": _server.url}.items():
        monkeypatch.setenv(name, value)
    _server.empty()
    return _server


@pytest.fixture
def storage(server: S3Server) -> Storage:
    return Storage.of(Settings(files_url=URL))


def write(storage: Storage, content: bytes, file_id: str = "file-a") -> None:
    with storage.incoming(file_id) as incoming:
        for first in range(0, len(content), 1 << 16):
            incoming.write(content[first : first + (1 << 16)])


@pytest.mark.parametrize("content", [b"", b"few", LARGE], ids=["empty", "small", "in parts"])
def test_a_file_is_read_as_it_was_written_and_removed(
    server: S3Server, storage: Storage, content: bytes
) -> None:
    write(storage, content)
    assert b"".join(storage.blocks("file-a")) == content
    assert storage.size("file-a") == len(content)
    assert server.keys() == ["qwenq/kept/file-a"]
    storage.remove("file-a")
    storage.remove("file-a")
    assert server.keys() == []
    with pytest.raises(FilesAway):
        list(storage.blocks("file-a"))


def test_a_broken_off_file_leaves_neither_an_object_nor_an_upload(server: S3Server, storage: Storage) -> None:
    with pytest.raises(KeyboardInterrupt), storage.incoming("file-a") as incoming:
        incoming.write(LARGE)
        assert server.uploads() == ["qwenq/kept/file-a"]
        assert server.keys() == []
        raise KeyboardInterrupt
    assert (server.keys(), server.uploads()) == ([], [])


@pytest.mark.parametrize("room", [0, PART_BYTES + 1], ids=["at once", "after a part"])
@pytest.mark.parametrize("content", [b"few", LARGE], ids=["small", "in parts"])
def test_a_bucket_that_is_full_takes_nothing(
    server: S3Server, storage: Storage, content: bytes, room: int
) -> None:
    server.room = min(room, len(content) - 1)
    with pytest.raises(FilesAway):
        write(storage, content)
    assert (server.keys(), server.uploads()) == ([], [])


def test_what_a_killed_server_left_is_aborted_a_day_later(server: S3Server, storage: Storage) -> None:
    write(storage, b"few")
    for key in ("qwenq/kept/file-b", "others/file-c"):
        server.client.create_multipart_upload(Bucket=BUCKET, Key=key)
    assert list(storage.left_behind(86_400.0)) == []
    assert len(server.uploads()) == 2
    assert list(storage.left_behind(-60.0)) == ["file-a"]
    assert server.uploads() == ["others/file-c"], "not ours"


def test_a_bucket_that_is_away_is_told_within_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
    for name, value in {**KEYS, "AWS_ENDPOINT_URL": url}.items():
        monkeypatch.setenv(name, value)
    began = time.monotonic()
    with pytest.raises(FilesAway):
        write(Storage.of(Settings(files_url=URL)), b"few")
    assert time.monotonic() - began < 30.0


@pytest.mark.parametrize("url", ["http://x/y", "memory://x", "s3://a::file:///etc"])
def test_other_protocols_are_refused(url: str) -> None:
    with pytest.raises(InvalidSetting):
        Storage.of(Settings(files_url=url))


def test_a_batch_runs_over_a_bucket_and_a_full_one_is_answered_with_503(
    server: S3Server, sqlite_url: str, tmp_path: Path
) -> None:
    settings = Settings(home=tmp_path / "home", database_url=sqlite_url, files_url=URL)
    with Store(sqlite_url) as store:
        desk = Desk(store, settings)
        batch, job_id = desk.begun(2)
        desk.answer(job_id)
        server.room = 0
        desk.caretaker.look()
        assert desk.batch(batch["id"])["status"] == "finalizing"
        refused = desk.client.post("/v1/files", data={"purpose": "batch"}, files={"file": jsonl(line("a"))})
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "5")
        assert server.keys() == [f"qwenq/kept/{batch['input_file_id']}"]
        server.room = None
        with store.writing() as connection:
            connection.exec_driver_sql("UPDATE api_batches SET holder_expires_at = 0")
        desk.caretaker.look()
        ended = desk.batch(batch["id"])
        assert [one["custom_id"] for one in desk.lines_of(ended["output_file_id"])] == ["r0", "r1"]
        desk.client.delete(f"/v1/batches/{batch['id']}")
        assert server.keys() == [f"qwenq/kept/{batch['input_file_id']}"]
        desk.broker.close()
