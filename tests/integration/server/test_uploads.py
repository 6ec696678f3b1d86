"""Uploads in parts: joined in the order that their client gives, and half ones leave nothing."""

import hashlib
import random
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select, update

from qwenq.schemas.tables.service import audit, files, tenants, upload_parts, uploads
from qwenq.server.uploads import parts as parts_module
from qwenq.store.database.clock import now
from tests.integration.server.conftest import Desk, jsonl, line


def begin(desk: Desk, size: int, headers: dict[str, str] | None = None, **change: Any) -> Any:
    """Create an upload. Returns the response."""
    body = {"bytes": size, "filename": "in.jsonl", "mime_type": "text/jsonl", "purpose": "batch", **change}
    return desk.client.post("/v1/uploads", json=body, headers=headers)


def begun(desk: Desk, size: int) -> str:
    """Create an upload. Returns its id."""
    return str(begin(desk, size).json()["id"])


def add(desk: Desk, upload_id: str, data: bytes) -> Any:
    """Add a part. Returns the response."""
    return desk.client.post(f"/v1/uploads/{upload_id}/parts", files={"data": data})


def added(desk: Desk, upload_id: str, data: bytes) -> str:
    """Add a part. Returns its id."""
    answer = add(desk, upload_id, data)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["id"])


def complete(desk: Desk, upload_id: str, part_ids: list[str], **more: Any) -> Any:
    """Complete an upload. Returns the response."""
    return desk.client.post(f"/v1/uploads/{upload_id}/complete", json={"part_ids": part_ids, **more})


def stored(desk: Desk) -> list[Path]:
    """The files in the storage."""
    return [path for path in (desk.settings.home / "files").rglob("*") if path.is_file()]


def rows(desk: Desk) -> tuple[int, int]:
    """How many files and parts the store knows."""
    with desk.store.reading() as connection:
        found = [
            connection.execute(select(func.count()).select_from(table)).scalar_one()
            for table in (files, upload_parts)
        ]
    return found[0], found[1]


def test_twenty_parts_in_wrong_order_become_one_file(desk: Desk) -> None:
    content = jsonl(*(line(f"r{place}") for place in range(100)))
    cuts = [len(content) * place // 20 for place in range(21)]
    pieces = [content[start:end] for start, end in pairwise(cuts)]
    created = begin(desk, len(content)).json()
    assert (created["object"], created["status"], created["file"]) == ("upload", "pending", None)
    assert created["expires_at"] == created["created_at"] + 3_600
    order = random.Random(1).sample(range(20), 20)
    ids = {place: added(desk, created["id"], pieces[place]) for place in order}
    again = added(desk, created["id"], pieces[0])  # its first answer may have been lost
    md5 = hashlib.md5(content, usedforsecurity=False).hexdigest()
    done = complete(desk, created["id"], [again, *(ids[place] for place in range(1, 20))], md5=md5).json()
    assert (done["status"], done["file"]["bytes"]) == ("completed", len(content))
    assert (done["file"]["filename"], done["file"]["purpose"]) == ("in.jsonl", "batch")
    assert done["file"]["expires_at"] == done["file"]["created_at"] + 30 * 86_400
    file_id = done["file"]["id"]
    assert desk.client.get(f"/v1/files/{file_id}/content").content == content
    assert [path.name for path in stored(desk)] == [file_id]
    assert rows(desk) == (1, 0)
    assert complete(desk, created["id"], [again], md5=None).json() == done, "again: the same"
    desk.create(file_id)
    desk.caretaker.look()
    with desk.store.reading() as connection:
        deeds = connection.execute(select(audit.c.action).order_by(audit.c.id)).scalars().all()
    assert deeds[:2] == ["upload.create", "file.create"]


@pytest.mark.parametrize(
    ("change", "param", "code"),
    [
        ({"bytes": None}, "bytes", "missing_required_parameter"),
        ({"bytes": "1"}, "bytes", "invalid_type"),
        ({"bytes": True}, "bytes", "invalid_type"),
        ({"bytes": 0}, "bytes", "integer_below_min_value"),
        ({"bytes": 8 * 1024**3 + 1, "purpose": "user_data"}, "bytes", "integer_above_max_value"),
        ({"bytes": 200 * 1024**2 + 1}, "bytes", "file_too_large"),
        ({"filename": None}, "filename", "missing_required_parameter"),
        ({"filename": "in.txt"}, "filename", None),
        ({"mime_type": None}, "mime_type", "missing_required_parameter"),
        ({"purpose": "batch_output"}, "purpose", "invalid_value"),
        ({"expires_after": 7}, "expires_after", "invalid_type"),
        (
            {"expires_after": {"anchor": "created_at", "seconds": 1}},
            "expires_after.seconds",
            "integer_below_min_value",
        ),
    ],
)
def test_an_upload_is_refused_by_parameter(
    sqlite_desk: Desk, change: dict[str, Any], param: str, code: str | None
) -> None:
    answer = begin(sqlite_desk, 1, **change)
    error = answer.json()["error"]
    assert (answer.status_code, error["param"], error["code"]) == (400, param, code), error
    with sqlite_desk.store.reading() as connection:
        assert connection.execute(select(func.count()).select_from(uploads)).scalar_one() == 0


@pytest.mark.parametrize(
    ("part_ids", "more", "param"),
    [
        (None, {}, "part_ids"),
        ("part_x", {}, "part_ids"),
        ([], {}, "part_ids"),
        ([1], {}, "part_ids"),
        (["part_x"], {}, "part_ids"),
        (["{0}", "{0}"], {}, "part_ids"),
        (["{0}"], {}, "part_ids"),
        (["{0}", "{1}"], {"md5": "0" * 32}, "md5"),
        (["{0}", "{1}"], {"md5": "zz"}, "md5"),
        (["{0}", "{1}"], {"md5": 7}, "md5"),
    ],
)
def test_what_does_not_complete_an_upload_leaves_it_as_it_was(
    sqlite_desk: Desk, part_ids: Any, more: dict[str, Any], param: str
) -> None:
    upload_id = begun(sqlite_desk, 4)
    ids = [added(sqlite_desk, upload_id, piece) for piece in (b"ab", b"cd")]
    if isinstance(part_ids, list):
        part_ids = [one.format(*ids) if isinstance(one, str) else one for one in part_ids]
    answer = complete(sqlite_desk, upload_id, part_ids, **more)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)
    assert sorted(path.name for path in stored(sqlite_desk)) == sorted(ids)
    assert complete(sqlite_desk, upload_id, ids[::-1]).json()["file"]["bytes"] == 4


def test_a_batch_file_in_parts_must_be_utf8_as_a_whole(sqlite_desk: Desk) -> None:
    whole = "ü".encode()
    upload_id = begun(sqlite_desk, 2)
    ids = [added(sqlite_desk, upload_id, whole[place : place + 1]) for place in range(2)]
    assert complete(sqlite_desk, upload_id, ids[::-1]).status_code == 400
    assert complete(sqlite_desk, upload_id, ids).json()["status"] == "completed"


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"--b\r\nContent-Disposition: form-data; name=data\r\n\r\nhalf", "multipart/form-data; boundary=b"),
        (
            b"--b\r\nContent-Disposition: form-data; name=x\r\n\r\n1\r\n--b--\r\n",
            "multipart/form-data; boundary=b",
        ),
        (b"plain", "text/plain"),
    ],
    ids=["broken off", "without data", "no form"],
)
def test_a_half_part_leaves_nothing(sqlite_desk: Desk, body: bytes, kind: str) -> None:
    upload_id = begun(sqlite_desk, 4)
    headers = {"content-type": kind}
    answer = sqlite_desk.client.post(f"/v1/uploads/{upload_id}/parts", content=body, headers=headers)
    assert answer.status_code == 400
    assert (stored(sqlite_desk), rows(sqlite_desk)) == ([], (0, 0))


def test_a_part_that_is_too_large_leaves_nothing(sqlite_desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts_module, "MOST_PART_BYTES", 10)
    upload_id = begun(sqlite_desk, 4)
    assert add(sqlite_desk, upload_id, b"x" * 11).json()["error"]["code"] == "file_too_large"
    added(sqlite_desk, upload_id, b"x" * 10)
    assert add(sqlite_desk, upload_id, b"x" * 5).status_code == 400, "more than the upload may ever have"
    assert (len(stored(sqlite_desk)), rows(sqlite_desk)) == (1, (0, 1))


@pytest.mark.parametrize("how", ["cancelled", "expired"])
def test_an_upload_that_ends_half_done_leaves_nothing(desk: Desk, how: str) -> None:
    upload_id = begun(desk, 4)
    part_id = added(desk, upload_id, b"ab")
    if how == "cancelled":
        assert desk.client.post(f"/v1/uploads/{upload_id}/cancel").json()["status"] == how
        assert desk.client.post(f"/v1/uploads/{upload_id}/cancel").json()["status"] == how
    else:
        with desk.store.writing() as connection:
            connection.execute(update(uploads).values(expires_at=now(-1.0)))
    for answer in (add(desk, upload_id, b"cd"), complete(desk, upload_id, [part_id])):
        assert answer.status_code == 400
        assert how in answer.json()["error"]["message"]
    desk.caretaker.forgetter.expire_uploads()
    assert (stored(desk), rows(desk)) == ([], (0, 0))
    with desk.store.writing() as connection:
        connection.execute(update(uploads).values(expires_at=now(-90_000.0)))
    desk.caretaker.forgetter.expire_uploads()
    assert desk.client.post(f"/v1/uploads/{upload_id}/cancel").status_code == 404, "forgotten"


def test_an_upload_exists_for_its_owner_alone(sqlite_desk: Desk) -> None:
    anna, ben = sqlite_desk.key("acme"), sqlite_desk.key("other")
    upload_id = begin(sqlite_desk, 4, anna).json()["id"]
    answers = [
        sqlite_desk.client.post(f"/v1/uploads/{upload_id}/parts", files={"data": b"x"}, headers=ben),
        sqlite_desk.client.post(f"/v1/uploads/{upload_id}/complete", json={"part_ids": ["x"]}, headers=ben),
        sqlite_desk.client.post(f"/v1/uploads/{upload_id}/cancel", headers=ben),
    ]
    assert [answer.status_code for answer in answers] == [404] * 3
    assert stored(sqlite_desk) == []


def test_parts_count_as_stored_bytes(sqlite_desk: Desk) -> None:
    with sqlite_desk.store.writing() as connection:
        connection.execute(update(tenants).values(bounds={"stored_bytes": 5}))
    assert begin(sqlite_desk, 6).status_code == 429
    upload_id = begun(sqlite_desk, 5)
    part_id = added(sqlite_desk, upload_id, b"12345")
    assert add(sqlite_desk, upload_id, b"6").status_code == 429
    assert complete(sqlite_desk, upload_id, [part_id]).json()["file"]["bytes"] == 5
