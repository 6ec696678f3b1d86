"""What belongs to another tenant, or another member, does not exist."""

import pytest

from qwenq.schemas.service.tenants import Role
from qwenq.store.tenants.audit import audit_entries
from tests.integration.server.conftest import CHAT, Desk, jsonl, line

ROUTES = (
    ("GET", "/v1/files/{file}"),
    ("GET", "/v1/files/{file}/content"),
    ("DELETE", "/v1/files/{file}"),
    ("GET", "/v1/batches/{batch}"),
    ("POST", "/v1/batches/{batch}/cancel"),
    ("DELETE", "/v1/batches/{batch}"),
    ("POST", "/v1/batches/{batch}/retry"),
    ("POST", "/v1/batches/{batch}/pause"),
    ("POST", "/v1/batches/{batch}/resume"),
    ("GET", "/v1/batches/{batch}/results"),
    ("GET", "/v1/files/{growing}/content"),
    ("GET", "/v1/batches?after={batch}"),
    ("GET", "/v1/files?after={file}"),
)


@pytest.mark.parametrize(
    ("tenant", "owner", "role"),
    [("other", "anna", Role.ADMIN), ("other", "anna", Role.OPERATOR), ("acme", "ben", Role.MEMBER)],
)
def test_a_foreign_id_is_answered_like_one_that_nobody_has(
    sqlite_desk: Desk, tenant: str, owner: str, role: Role
) -> None:
    anna = sqlite_desk.key("acme")
    mine = {"file": sqlite_desk.upload(jsonl(line("a")), anna)}
    mine["batch"] = sqlite_desk.create(mine["file"], anna)["id"]
    mine["growing"] = mine["batch"].replace("batch_", "file-")
    nobodys = {name: value[:-4] + "0000" for name, value in mine.items()}
    other = sqlite_desk.key(tenant, owner, role)
    for method, route in ROUTES:
        foreign = sqlite_desk.client.request(method, route.format(**mine), headers=other)
        unknown = sqlite_desk.client.request(method, route.format(**nobodys), headers=other)
        assert foreign.status_code == unknown.status_code == 404
        texts = [foreign.text, unknown.text]
        for name, value in mine.items():
            texts = [texts[0].replace(value, ""), texts[1].replace(nobodys[name], "")]
        assert texts[0] == texts[1]
    for route in ("files", "batches"):
        assert sqlite_desk.client.get(f"/v1/{route}", headers=other).json()["data"] == []
        assert len(sqlite_desk.client.get(f"/v1/{route}", headers=anna).json()["data"]) == 1
    batch = sqlite_desk.create(mine["file"], other)
    assert (batch["status"], batch["errors"]["data"][0]["code"]) == ("failed", "invalid_request")


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
