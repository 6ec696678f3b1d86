"""What is told about requests: a line in the log, series for Prometheus; never content."""

import hashlib
import json
import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import SecretStr

from qwenq.schemas.service.tenants import Role
from qwenq.server.watching.metrics import Metrics, Served, counting_together
from tests.integration.server.conftest import CHAT, Desk, jsonl, line

SECRET = "a secret text"


def lines_of(caplog: pytest.LogCaptureFixture) -> list[dict[str, object]]:
    names = ("request", "tenant", "key", "action", "object", "status", "reason", "sha256")
    records = [record for record in caplog.records if record.message == "request"]
    return [{name: getattr(record, name) for name in names} for record in records]


def test_each_call_is_logged_with_its_outcome_and_a_hash_but_no_content(
    sqlite_desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    key = sqlite_desk.key("acme")
    prefix = key["authorization"].removeprefix("Bearer ")[:15]
    content = jsonl(line(SECRET, messages=[{"role": "user", "content": SECRET}]))
    caplog.set_level(logging.INFO, "qwenq.server")
    file_id = sqlite_desk.upload(content, key)
    batch_id = sqlite_desk.create(file_id, key)["id"]
    client = sqlite_desk.client
    client.get(f"/v1/files/{file_id}/content", headers={**key, "x-request-id": "mine"})
    client.post("/v1/batches/batch_0000/cancel", headers=key)
    client.get(f"/v1/files?after={SECRET}&purpose={SECRET}", headers=key)
    client.get(f"/{SECRET}", headers={"authorization": SECRET})
    client.request(SECRET.replace(" ", "-").upper(), f"/v1/files/{SECRET}", headers=key)
    client.post(CHAT, json={"model": SECRET, "messages": []}, headers=key)
    found = lines_of(caplog)
    digest = hashlib.sha256(content).hexdigest()
    told = [(one["action"], one["object"], one["status"], one["reason"], one["sha256"]) for one in found]
    assert told[:4] == [
        ("POST /v1/files", file_id, 200, "-", digest),
        ("POST /v1/batches", batch_id, 200, "-", digest),
        ("GET /v1/files/{file_id}/content", file_id, 200, "-", digest),
        ("POST /v1/batches/{batch_id}/cancel", "batch_0000", 404, "-", "-"),
    ]
    assert {(one["tenant"], one["key"]) for one in found[:4]} == {("acme", prefix)}
    assert found[2]["request"] == "mine"
    assert [one["status"] for one in found[4:]] == [404, 404, 405, 400]
    assert SECRET not in caplog.text + json.dumps(found)


def test_metrics_count_requests_refusals_and_uploads_by_tenant(sqlite_desk: Desk) -> None:
    key = sqlite_desk.key("acme")
    sqlite_desk.upload(b"{}", key)
    wanted = {"filename": "a", "purpose": "batch", "bytes": 3, "mime_type": "application/jsonl"}
    upload = sqlite_desk.client.post("/v1/uploads", json=wanted, headers=key).json()["id"]
    sqlite_desk.client.post(f"/v1/uploads/{upload}/parts", files={"data": b"{}\n"}, headers=key)
    sqlite_desk.client.post("/v1/batches", json={}, headers=key)
    sqlite_desk.client.get("/v1/files", headers={"authorization": "Bearer wrong"})
    operator = sqlite_desk.key("ops", role=Role.OPERATOR)
    text = sqlite_desk.client.get("/metrics", headers=operator).text
    for told in (
        'qwenq_http_requests_total{method="POST",route="/v1/files",status="200",tenant="acme"} 1.0',
        'qwenq_http_refusals_total{reason="missing_required_parameter",tenant="acme"} 1.0',
        'qwenq_http_refusals_total{reason="invalid_api_key",tenant="-"} 1.0',
        'qwenq_http_request_seconds_count{route="/v1/batches",tenant="acme"} 1.0',
        'qwenq_http_uploads_total{tenant="acme"} 2.0',
        'qwenq_http_uploaded_bytes_total{tenant="acme"} 5.0',
    ):
        assert told in text


def test_metrics_name_tenants_so_tenants_cannot_read_them(sqlite_desk: Desk) -> None:
    get = sqlite_desk.client.get
    assert get("/metrics").status_code == 200, "without keys, this machine is one person's"
    assert get("/metrics", headers={"host": "evil.example"}).status_code == 403
    admin = sqlite_desk.key("acme", role=Role.ADMIN)
    assert [get("/metrics").status_code, get("/metrics", headers=admin).status_code] == [401, 403]
    guarded = Desk(
        sqlite_desk.store, sqlite_desk.settings.model_copy(update={"metrics_token": SecretStr("t0ken")})
    )
    assert guarded.client.get("/metrics", headers={"authorization": "Bearer t0ken"}).status_code == 200
    assert guarded.client.get("/metrics", headers={"authorization": "Bearer other"}).status_code == 401


def test_processes_that_count_together_tell_the_sum_of_all() -> None:
    code = (
        "from qwenq.server.watching.metrics import Metrics, Served\n"
        "metrics = Metrics()\n"
        "metrics.count(Served('acme', 'GET', '/v1/files', 200, 0.1, '', None))\n"
        "print(metrics.told().decode())"
    )
    with counting_together():
        folder = Path(os.environ["PROMETHEUS_MULTIPROC_DIR"])
        told = [
            subprocess.check_output([sys.executable, "-c", code], text=True, timeout=60) for _ in range(2)
        ]
        assert folder.is_dir()
    counted = 'qwenq_http_requests_total{method="GET",route="/v1/files",status="200",tenant="acme"}'
    assert [f"{counted} {total}.0" in text for total, text in enumerate(told, start=1)] == [True, True]
    assert not folder.exists()
    alone = Metrics()
    alone.count(Served("acme", "GET", "/v1/files", 200, 0.1, "", None))
    assert f"{counted} 1.0".encode() in alone.told()
