"""What the service refuses: status, code and param, as OpenAI has them; and nothing stays behind."""

import re
from typing import Any

import pytest

from qwenq.schemas.service.tenants import Role
from qwenq.store.tenants.tenants import change_bounds
from tests.builders import MODEL, make_worker
from tests.integration.server.conftest import CHAT, Desk, jsonl, line

GOOD = {"input_file_id": "file-x", "endpoint": CHAT, "completion_window": "24h"}
SECONDS = "output_expires_after.seconds"


@pytest.mark.parametrize(
    ("change", "param", "code"),
    [
        ({"input_file_id": None}, "input_file_id", "missing_required_parameter"),
        ({"input_file_id": 7}, "input_file_id", "invalid_type"),
        ({"endpoint": "/v1/embeddings"}, "endpoint", "invalid_value"),
        ({"endpoint": None}, "endpoint", "missing_required_parameter"),
        ({"completion_window": "1h"}, "completion_window", "invalid_value"),
        ({"idempotency_key": 1}, "idempotency_key", "invalid_type"),
        ({"idempotency_key": ""}, "idempotency_key", "invalid_value"),
        ({"idempotency_key": "a" * 256}, "idempotency_key", "invalid_value"),
        ({"metadata": []}, "metadata", "invalid_type"),
        ({"metadata": {"tags": ["a"]}}, "metadata.tags", "invalid_type"),
        ({"metadata": {str(n): "" for n in range(17)}}, "metadata", "object_above_max_properties"),
        ({"metadata": {"a": "b" * 513}}, "metadata.a", "string_above_max_length"),
        ({"metadata": {"a": "\0"}}, "metadata.a", "invalid_value"),
        ({"output_expires_after": 1}, "output_expires_after", "invalid_type"),
        (
            {"output_expires_after": {"anchor": "now", "seconds": 3600}},
            "output_expires_after.anchor",
            "invalid_value",
        ),
        (
            {"output_expires_after": {"anchor": "created_at", "seconds": 3599}},
            SECONDS,
            "integer_below_min_value",
        ),
        ({"output_expires_after": {"anchor": "created_at", "seconds": 1.5}}, SECONDS, "invalid_type"),
    ],
)
def test_a_batch_is_refused_by_parameter(
    sqlite_desk: Desk, change: dict[str, Any], param: str, code: str
) -> None:
    answer = sqlite_desk.client.post("/v1/batches", json=GOOD | change)
    error = answer.json()["error"]
    assert answer.status_code == 400
    assert (error["type"], error["param"], error["code"]) == ("invalid_request_error", param, code)
    assert sqlite_desk.client.get("/v1/batches").json()["data"] == []


@pytest.mark.parametrize("body", [b"{", b"[]", b"\xff", b'"text"', b""])
def test_a_body_that_is_no_json_object_is_refused(sqlite_desk: Desk, body: bytes) -> None:
    assert sqlite_desk.client.post("/v1/batches", content=body).status_code == 400


def test_a_method_that_a_route_has_not_is_refused_with_those_it_has(sqlite_desk: Desk) -> None:
    answer = sqlite_desk.client.put("/v1/batches/batch_x")
    assert (answer.status_code, answer.headers["allow"]) == (405, "DELETE, GET")


def test_the_page_of_the_api_needs_nothing_from_the_internet(sqlite_desk: Desk) -> None:
    page = sqlite_desk.client.get("/docs").text
    loaded = re.findall(r'(?:src|href|url)\s*[=:]\s*["\']([^"\']+)', page)
    assert "/openapi.json" in loaded
    assert [sqlite_desk.client.get(path).status_code for path in loaded] == [200] * len(loaded)


def test_unknown_fields_are_ignored(sqlite_desk: Desk) -> None:
    file_id = sqlite_desk.upload(jsonl(line("a")), target_model_names="x")
    kept = {"anchor": "created_at", "seconds": 3600.0, "more": 1}
    body = GOOD | {"input_file_id": file_id, "unknown": 1, "output_expires_after": kept}
    assert sqlite_desk.client.post("/v1/batches?x=1", json=body).status_code == 200
    assert sqlite_desk.client.get("/v1/batches?target_model_names=x").json()["data"]


@pytest.mark.parametrize(
    ("route", "query", "status", "code"),
    [
        ("batches", "limit=101", 400, "integer_above_max_value"),
        ("batches", "limit=-1", 400, "integer_below_min_value"),
        ("batches", "limit=x", 400, "invalid_type"),
        ("batches", "limit=", 400, "invalid_type"),
        ("batches", "after=batch_x", 404, None),
        ("batches", "limit=0", 200, None),
        ("files", "limit=0", 400, "integer_below_min_value"),
        ("files", "limit=10001", 400, "integer_above_max_value"),
        ("files", "after=file-x", 404, None),
        ("files", "order=up", 400, "invalid_value"),
    ],
)
def test_a_page_is_refused_by_parameter(
    sqlite_desk: Desk, route: str, query: str, status: int, code: str | None
) -> None:
    answer = sqlite_desk.client.get(f"/v1/{route}?{query}")
    assert answer.status_code == status
    if status == 200:
        assert (answer.json()["data"], answer.json()["has_more"]) == ([], False)
    else:
        error = answer.json()["error"]
        assert (error["code"], error["param"]) == (code, query.partition("=")[0])


@pytest.mark.parametrize(
    ("name", "content", "fields", "param"),
    [
        ("notes.txt", b"{}", {}, "file"),
        ("a.jsonl", '{"a": "ä"}'.encode("utf-16"), {}, "file"),
        ("a.jsonl", b"\xe4", {}, "file"),
        ("a.jsonl", b"{}\xc3", {}, "file"),
        ("a.jsonl", b"{}", {"purpose": "batch_output"}, "purpose"),
        ("a.jsonl", b"{}", {"purpose": ""}, "purpose"),
        ("a.jsonl", b"{}", {"expires_after[anchor]": "created_at"}, "expires_after.seconds"),
        (
            "a.jsonl",
            b"{}",
            {"expires_after[anchor]": "created_at", "expires_after[seconds]": "2592001"},
            "expires_after.seconds",
        ),
        ("a.jsonl", b"x" * 101, {}, "file"),
    ],
)
def test_an_upload_is_refused_and_leaves_nothing(
    sqlite_desk: Desk,
    name: str,
    content: bytes,
    fields: dict[str, str],
    param: str,
) -> None:
    with sqlite_desk.store.writing() as connection:
        change_bounds(connection, "local", {"batch_bytes": 100})
    answer = sqlite_desk.client.post(
        "/v1/files", data={"purpose": "batch"} | fields, files={"file": (name, content)}
    )
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)
    check_nothing_is_left(sqlite_desk)


def check_nothing_is_left(desk: Desk) -> None:
    assert desk.client.get("/v1/files").json()["data"] == []
    assert [path for path in (desk.settings.home / "files").rglob("*") if path.is_file()] == []


PART = b'--b\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n'
FILE = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.jsonl"\r\n\r\n{}'


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("multipart/form-data; boundary=b", PART % (b"purpose", b"batch") + FILE),
        ("multipart/form-data; boundary=b", b"nothing of the kind"),
        ("multipart/form-data; boundary=b", PART % (b"purpose", b"batch") + b"--b--\r\n"),
        ("multipart/form-data; boundary=b", PART % (b"purpose", b"x" * 70_000) + FILE + b"\r\n--b--\r\n"),
        ("multipart/form-data; boundary=b", PART % (b"a", b"") * 70 + b"--b--\r\n"),
        ("multipart/form-data", FILE),
        ("application/json", b"{}"),
    ],
    ids=["broken off", "no form", "no file", "long field", "many fields", "no boundary", "json"],
)
def test_a_broken_form_is_refused_and_leaves_nothing(sqlite_desk: Desk, kind: str, body: bytes) -> None:
    answer = sqlite_desk.client.post("/v1/files", content=body, headers={"content-type": kind})
    assert answer.status_code == 400
    check_nothing_is_left(sqlite_desk)


def test_the_fields_of_a_form_may_follow_its_file(sqlite_desk: Desk) -> None:
    body = FILE + b"\r\n" + PART % (b"purpose", b"batch") + b"--b--\r\n"
    kind = {"content-type": "multipart/form-data; boundary=b"}
    answer = sqlite_desk.client.post("/v1/files", content=body, headers=kind).json()
    assert (answer["filename"], answer["bytes"], answer["status"]) == ("a.jsonl", 2, "processed")


def test_a_file_of_another_purpose_is_no_input(sqlite_desk: Desk) -> None:
    file_id = sqlite_desk.upload(b"{}", purpose="user_data")
    answer = sqlite_desk.client.post("/v1/batches", json=GOOD | {"input_file_id": file_id})
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "input_file_id")


@pytest.mark.parametrize("missing", ["unknown", "deleted at once", "deleted later"])
def test_a_batch_without_its_file_fails(sqlite_desk: Desk, missing: str) -> None:
    file_id = "file-x" if missing == "unknown" else sqlite_desk.upload(jsonl(line("a")))
    if missing == "deleted at once":
        assert sqlite_desk.client.delete(f"/v1/files/{file_id}").json()["deleted"] is True
        assert sqlite_desk.client.delete(f"/v1/files/{file_id}").status_code == 404
    batch = sqlite_desk.create(file_id)
    if missing == "deleted later":
        sqlite_desk.client.delete(f"/v1/files/{file_id}")
        sqlite_desk.caretaker.look()
        batch = sqlite_desk.batch(batch["id"])
    assert batch["status"] == "failed"
    [fault] = batch["errors"]["data"]
    assert (fault["code"], fault["param"], fault["line"]) == ("invalid_request", "file_id", None)
    cancel = sqlite_desk.client.post(f"/v1/batches/{batch['id']}/cancel")
    assert (cancel.status_code, cancel.headers["x-should-retry"]) == (409, "false")
    assert cancel.json()["error"]["message"] == "Cannot cancel a batch with status 'failed'."


def test_a_batch_of_an_unknown_model_fails_unless_its_tenant_may_wait(sqlite_desk: Desk) -> None:
    content = jsonl(line("a", model="other/model"))
    batch = sqlite_desk.create(sqlite_desk.upload(content))
    sqlite_desk.caretaker.look()
    [fault] = sqlite_desk.batch(batch["id"])["errors"]["data"]
    assert (fault["code"], fault["param"], fault["line"]) == ("model_not_found", "body.model", 1)
    with sqlite_desk.store.writing() as connection:
        connection.exec_driver_sql("UPDATE tenants SET waits_for_models = true")
    batch = sqlite_desk.create(sqlite_desk.upload(content))
    sqlite_desk.caretaker.look()
    assert sqlite_desk.batch(batch["id"])["status"] == "in_progress"


def test_models_are_those_of_workers_also_with_slashes(sqlite_desk: Desk) -> None:
    make_worker(sqlite_desk.store, "Qwen/Qwen3-8B")
    listed = sqlite_desk.client.get("/v1/models").json()["data"]
    assert [model["id"] for model in listed] == ["Qwen/Qwen3-8B", MODEL]
    assert sqlite_desk.client.get("/v1/models/Qwen/Qwen3-8B").json() == listed[0]
    unknown = sqlite_desk.client.get("/v1/models/Qwen/other")
    assert (unknown.status_code, unknown.json()["error"]["code"]) == (404, "model_not_found")


@pytest.mark.parametrize(
    ("route", "method"), [("nothing", "GET"), ("batches/x", "GET"), ("files/x", "DELETE")]
)
def test_what_does_not_exist_is_answered_as_openai_does(sqlite_desk: Desk, route: str, method: str) -> None:
    answer = sqlite_desk.client.request(method, f"/v1/{route}", headers={"x-request-id": "mine-1"})
    assert answer.status_code == 404
    assert answer.json()["error"].keys() == {"message", "type", "param", "code"}
    assert answer.headers["x-request-id"] == "mine-1"
    assert (
        sqlite_desk.client.get("/v1/models", headers={"x-request-id": "a b"}).headers["x-request-id"] != "a b"
    )


def test_without_keys_a_page_of_a_browser_is_refused(sqlite_desk: Desk) -> None:
    get = sqlite_desk.client.get
    assert get("/v1/files", headers={"origin": "http://127.0.0.1:8000"}).status_code == 403
    assert get("/v1/files", headers={"host": "evil.example"}).status_code == 403
    assert get("/healthz", headers={"host": "evil.example"}).json() == {"status": "ok"}


def test_with_keys_each_request_needs_a_good_one(sqlite_desk: Desk) -> None:
    get = sqlite_desk.client.get
    others = Desk(sqlite_desk.store, sqlite_desk.settings, is_local=False)
    assert others.client.get("/v1/files").status_code == 401
    key = sqlite_desk.key("acme")
    assert get("/v1/files").status_code == 401
    assert (
        get("/v1/files", headers={"authorization": "Bearer wrong"}).json()["error"]["code"]
        == "invalid_api_key"
    )
    assert get("/v1/files", headers=key).status_code == 200
    with sqlite_desk.store.writing() as connection:
        connection.exec_driver_sql("UPDATE api_keys SET expires_at = created_at")
    assert get("/v1/files", headers=key).status_code == 401
    assert get("/v1/files").status_code == 401, "an expired key does not open the service"


def test_a_viewer_reads_and_changes_nothing(sqlite_desk: Desk) -> None:
    file_id = sqlite_desk.upload(b"{}", sqlite_desk.key("acme"))
    viewer = sqlite_desk.key("acme", "ben", Role.VIEWER)
    assert sqlite_desk.client.get(f"/v1/files/{file_id}", headers=viewer).status_code == 200
    for method, route in (("DELETE", f"files/{file_id}"), ("POST", "files"), ("POST", "batches")):
        assert sqlite_desk.client.request(method, f"/v1/{route}", headers=viewer).status_code == 403
