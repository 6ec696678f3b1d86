"""What belongs to another tenant, or another member, does not exist."""

import re
from typing import cast

import pytest
from fastapi import FastAPI
from httpx2 import Response

from qwenq.schemas.service.tenants import Role
from qwenq.server.bounds import requests
from qwenq.store.tenants.audit import audit_entries
from tests.integration.server.conftest import CHAT, Desk, jsonl, line
from tests.integration.server.foreign_ids import calls_of, nobodys, routes_of

PASSING = {"x-request-id", "x-ratelimit-remaining-requests", "x-ratelimit-reset-requests"}
OPEN = {"/healthz"}
"""Routes that need no key: they tell nothing."""


@pytest.mark.parametrize(
    ("tenant", "owner", "role"),
    [("other", "anna", Role.ADMIN), ("other", "anna", Role.OPERATOR), ("acme", "ben", Role.MEMBER)],
)
def test_a_foreign_id_is_answered_like_one_that_nobody_has(
    sqlite_desk: Desk, tenant: str, owner: str, role: Role
) -> None:
    anna, other = sqlite_desk.key("acme"), sqlite_desk.key(tenant, owner, role)
    mine = ids_of(sqlite_desk, anna)
    before = state_of(sqlite_desk, anna)
    unknown = nobodys(mine)
    application = application_of(sqlite_desk)
    pairs = zip(calls_of(application, mine), calls_of(application, unknown), strict=True)
    for foreign, nobody in pairs:
        answers = [call.sent(sqlite_desk.client, other) for call in (foreign, nobody)]
        told = f"{foreign.method} {foreign.url}: {answers[0].text}"
        statuses = {answer.status_code for answer in answers}
        assert len(statuses) == 1, told
        assert not foreign.must_miss or statuses == {404}, told
        assert shown(answers[0], mine) == shown(answers[1], unknown), told
    assert state_of(sqlite_desk, anna) == before
    for route in ("files", "batches"):
        made = [] if route == "files" else ["failed"]
        data = sqlite_desk.client.get(f"/v1/{route}", headers=other).json()["data"]
        assert {one["status"] for one in data} == set(made), "only what it made itself"


def ids_of(desk: Desk, headers: dict[str, str]) -> dict[str, str]:
    """The ids of one object of each kind."""
    ids = {"file_id": desk.upload(jsonl(line("a")), headers)}
    ids["batch_id"] = desk.create(ids["file_id"], headers)["id"]
    if any(path == "/v1/uploads" for _, path, _ in routes_of(application_of(desk))):
        wanted = {"filename": "a.jsonl", "purpose": "batch", "bytes": 2, "mime_type": "application/jsonl"}
        begun = desk.client.post("/v1/uploads", json=wanted, headers=headers).json()
        part = desk.client.post(
            f"/v1/uploads/{begun['id']}/parts", files={"data": b"{}"}, headers=headers
        ).json()
        ids |= {"upload_id": begun["id"], "part_id": part["id"]}
    return ids


def state_of(desk: Desk, headers: dict[str, str]) -> object:
    """What the owner sees of its own."""
    return [desk.client.get(f"/v1/{route}", headers=headers).json() for route in ("files", "batches")]


def shown(answer: Response, ids: dict[str, str]) -> tuple[object, ...]:
    """All that an answer shows, but the ids that were given, what is random, and times."""
    text = answer.text
    for name in ids.values():
        text = text.replace(name, "")
    text = re.sub(r"batch_[0-9a-f]{24}|file-[0-9a-f]{24}|\b1[0-9]{9}\b", "", text)
    headers = {name: value for name, value in answer.headers.items() if name not in PASSING}
    return len(answer.content), text, headers


@pytest.mark.parametrize(
    "given", [{}, {"authorization": "Bearer sk-qwenq-wrong"}], ids=["no key", "wrong key"]
)
def test_every_route_needs_a_key(
    sqlite_desk: Desk, monkeypatch: pytest.MonkeyPatch, given: dict[str, str]
) -> None:
    monkeypatch.setattr(requests, "WRONG_KEYS_PER_MINUTE", 1_000)
    mine = ids_of(sqlite_desk, sqlite_desk.key("acme"))
    for method, path, _ in routes_of(application_of(sqlite_desk)):
        url = re.sub(r"{(.*?)(:path)?}", lambda found: mine.get(found[1], "m"), path)
        status = sqlite_desk.client.request(method, url, headers=given).status_code
        assert status == (200 if path in OPEN else 401), f"{method} {path}"


def application_of(desk: Desk) -> FastAPI:
    return cast("FastAPI", desk.client.app)


def test_an_admin_sees_the_work_of_its_tenant_and_a_new_key_that_of_its_owner(sqlite_desk: Desk) -> None:
    file_id = sqlite_desk.upload(b"{}", sqlite_desk.key("acme"))
    for key in (sqlite_desk.key("acme", "zoe", Role.ADMIN), sqlite_desk.key("acme", "anna")):
        assert sqlite_desk.client.get(f"/v1/files/{file_id}", headers=key).status_code == 200


def test_the_job_of_a_batch_belongs_to_its_tenant_and_the_audit_names_each_deed(desk: Desk) -> None:
    anna = desk.key("acme")
    file_id = desk.upload(jsonl(line("a")), anna)
    body = {"input_file_id": file_id, "endpoint": CHAT, "completion_window": "24h"}
    batch = desk.client.post("/v1/batches", json=body, headers={**anna, "x-request-id": "r-1"}).json()
    desk.caretaker.look()
    desk.client.post(f"/v1/batches/{batch['id']}/cancel", headers=anna)
    desk.client.get(f"/v1/files/{file_id}/content", headers=anna)
    desk.client.delete(f"/v1/files/{file_id}", headers=anna)
    with desk.store.reading() as connection:
        assert connection.exec_driver_sql("SELECT tenant FROM jobs").scalars().all() == ["acme"]
        noted = list(audit_entries(connection, "acme", 3_600.0))
        assert list(audit_entries(connection, "local", 3_600.0)) == []
    key_prefix = anna["authorization"].removeprefix("Bearer ")[:15]
    assert [(entry.action, entry.object) for entry in noted] == [
        ("file.create", file_id),
        ("batch.create", batch["id"]),
        ("batch.cancel", batch["id"]),
        ("file.read", file_id),
        ("file.delete", file_id),
    ]
    assert {entry.who for entry in noted} == {key_prefix}
    assert noted[1].request_id == "r-1"
    assert len({entry.sha256 for entry in noted if entry.action != "batch.cancel"}) == 1
