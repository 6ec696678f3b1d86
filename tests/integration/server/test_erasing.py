"""`qwenq tenants remove --erase`: all that a tenant has is removed, whatever goes on meanwhile."""

import json
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import select, update

from qwenq.cli.group import group
from qwenq.schemas.errors import TenantInUse, TenantStillBusy, UnknownTenant
from qwenq.schemas.tables.core import chunks, metadata
from qwenq.schemas.tables.service import tenants
from qwenq.server import erasing
from qwenq.server.erasing import erase_tenant
from qwenq.store.api_batches.life import hold_to_validate
from qwenq.store.database.clock import now
from qwenq.store.tenants.audit import audit_entries
from qwenq.store.tenants.erasing import begin_erasing
from qwenq.store.tenants.webhooks import set_webhook
from tests.builders import claim_first
from tests.integration.server.conftest import Desk, jsonl, line
from tests.integration.server.test_forgetting import SECRET, count_of, ended, files_with, tables_with

OF_TENANTS = {
    "api_batches",
    "api_keys",
    "files",
    "jobs",
    "notices",
    "tenant_webhooks",
    "tenants",
    "uploads",
    "usage",
}
"""Tables whose rows belong to a tenant and go with it."""


def test_every_table_with_tenants_is_known_here() -> None:
    """A new one must be erased, too."""
    found = {table.name for table in metadata.sorted_tables if "tenant" in table.c}
    found |= {table.name for table in metadata.sorted_tables if table.name == "tenants"}
    assert found == OF_TENANTS | {"audit"}


def test_a_tenant_is_erased_with_all_it_has_and_another_keeps_its_own(desk: Desk) -> None:
    acme, other = desk.key("acme"), desk.key("other")
    with desk.store.writing() as connection:
        set_webhook(connection, "acme", "https://acme.example")
    ended(desk, acme)
    kept = ended(desk, other)
    secret = line("b", messages=[{"role": "user", "content": SECRET + " in Acme"}])
    running = desk.create(desk.upload(jsonl(secret), acme), acme)
    desk.caretaker.look()
    waiting = desk.create(desk.upload(jsonl(secret), acme), acme)
    body = {"bytes": 9, "filename": "a.jsonl", "mime_type": "a", "purpose": "batch"}
    upload = desk.client.post("/v1/uploads", json=body, headers=acme).json()["id"]
    part = {"data": b'"in Acme"'}
    assert desk.client.post(f"/v1/uploads/{upload}/parts", files=part, headers=acme).status_code == 200
    with desk.store.writing() as connection:
        assert hold_to_validate(connection, 60.0) is not None
    erased = erase_tenant(desk.settings, "acme", "ann@host")
    assert (erased.keys, erased.batches, erased.jobs) == (1, 3, 2)
    assert (erased.documents, erased.answers, erased.files) == (2, 1, 5)
    assert erased.bytes > 0
    assert desk.client.get(f"/v1/batches/{running['id']}", headers=acme).status_code == 401
    desk.caretaker.look()
    assert (tables_with(desk.store, "in Acme"), files_with(desk, "in Acme")) == ([], [])
    assert tables_with(desk.store, "acme") == ["audit"]
    assert desk.client.get(f"/v1/batches/{kept['id']}", headers=other).json() == kept
    assert count_of(desk.store) == (1, 1, 1)
    with desk.store.reading() as connection:
        assert "acme" not in connection.execute(select(tenants.c.name)).scalars().all()
        deeds = [(one.action, one.object) for one in audit_entries(connection, "acme", 60.0)]
    assert ("batch.create", waiting["id"]) in deeds
    assert deeds[-2:] == [("tenant.erase", "acme"), ("tenant.remove", "acme")]
    with pytest.raises(UnknownTenant):
        erase_tenant(desk.settings, "acme", "ann@host")


def test_an_erasure_that_was_broken_off_goes_on(sqlite_desk: Desk) -> None:
    ended(sqlite_desk, sqlite_desk.key("acme"))
    with sqlite_desk.store.writing() as connection:
        begin_erasing(connection, "acme")
    erased = erase_tenant(sqlite_desk.settings, "acme", "ann@host")
    assert (erased.keys, erased.batches, erased.jobs, erased.files) == (0, 1, 1, 2)


def test_a_dead_workers_chunk_is_waited_for_until_its_lease_ends(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    acme = desk.key("acme")
    desk.create(desk.upload(jsonl(line("a")), acme), acme)
    desk.caretaker.look()
    assert claim_first(desk.store, 1, desk.worker_id) is not None
    monkeypatch.setattr(erasing, "SPARE_SECONDS", -desk.settings.lease_seconds)
    with pytest.raises(TenantStillBusy):
        erase_tenant(desk.settings, "acme", "ann@host")
    with desk.store.writing() as connection:
        connection.execute(update(chunks).values(lease_expires_at=now(-1.0)))
    monkeypatch.undo()
    assert erase_tenant(desk.settings, "acme", "ann@host").jobs == 1
    assert count_of(desk.store) == (0, 0, 0)


def test_the_command_refuses_without_erase_and_prints_what_it_removed(
    sqlite_desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended(sqlite_desk, sqlite_desk.key("acme"))
    monkeypatch.setenv("QWENQ_HOME", str(sqlite_desk.settings.home))
    monkeypatch.setenv("QWENQ_DATABASE_URL", str(sqlite_desk.settings.database_url))

    def remove(*words: str) -> Any:
        return CliRunner().invoke(group, ["tenants", "remove", *words], standalone_mode=False)

    refused = remove("acme").exception
    assert isinstance(refused, TenantInUse)
    assert "--erase" in str(refused)
    assert isinstance(remove("local", "--erase").exception, TenantInUse)
    erased = json.loads(remove("acme", "--erase", "--json").stdout)
    assert {name: erased[name] for name in ("jobs", "documents", "answers", "files")} == {
        "jobs": 1,
        "documents": 1,
        "answers": 1,
        "files": 2,
    }
