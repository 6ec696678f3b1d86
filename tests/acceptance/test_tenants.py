"""`qwenq tenants`, `keys` and `audit`, in this process."""

import hashlib
import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from qwenq.cli.group import group
from qwenq.schemas.errors import (
    InvalidParameter,
    TenantExists,
    TenantInUse,
    UnguardedService,
    UnknownKey,
    UnknownTenant,
)
from qwenq.schemas.settings import Settings
from qwenq.server.serving import Serving, serve


@pytest.fixture(autouse=True)
def _own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("QWENQ_HOME", str(tmp_path / "home"))


def qwenq(*words: str) -> str:
    """What a command prints on stdout. Raises what it raises."""
    result = CliRunner().invoke(group, words, catch_exceptions=False, standalone_mode=False)
    return result.stdout


def refused(*words: str) -> BaseException | None:
    return CliRunner().invoke(group, words, standalone_mode=False).exception


def test_a_tenant_gets_a_key_that_is_shown_once_and_can_be_revoked(tmp_path: Path) -> None:
    qwenq("tenants", "add", "acme")
    assert isinstance(refused("tenants", "add", "acme"), TenantExists)
    assert [one["name"] for one in json.loads(qwenq("tenants", "list", "--json"))] == ["acme", "local"]
    key = qwenq("keys", "create", "--tenant", "acme", "--owner", "anna", "--expires", "1d").strip()
    [listed] = json.loads(qwenq("keys", "list", "--json"))
    assert key.startswith(listed["prefix"])
    assert (listed["owner"], listed["role"], listed["revoked_at"]) == ("anna", "member", None)
    kept = (tmp_path / "home" / "qwenq.db").read_bytes()
    assert key.encode() not in kept
    assert hashlib.sha256(key.encode()).digest() in kept
    qwenq("keys", "revoke", "1")
    assert isinstance(refused("keys", "revoke", "1"), UnknownKey)
    assert json.loads(qwenq("keys", "list", "--tenant", "acme", "--json"))[0]["revoked_at"]
    noted = [
        (one["action"], one["object"]) for one in json.loads(qwenq("audit", "--tenant", "acme", "--json"))
    ]
    assert noted == [("tenant.add", "acme"), ("key.create", key[:15]), ("key.revoke", key[:15])]


def test_a_tenant_is_changed_shown_and_removed() -> None:
    qwenq("tenants", "add", "acme")
    qwenq("tenants", "set", "acme", "--wait-for-models")
    secret = qwenq("tenants", "set", "acme", "--webhook", "https://acme.example/in?key=1").strip()
    shown = json.loads(qwenq("tenants", "show", "acme", "--json"))
    assert (shown["waits_for_models"], shown["webhook"]) == (True, "https://acme.example/…")
    assert secret.startswith("whsec_")
    assert secret != qwenq("tenants", "set", "acme", "--webhook", "https://acme.example/in").strip()
    for place in ("slack:https://acme.example/in", "mailto:a@acme.example", "file:///in"):
        assert isinstance(refused("tenants", "set", "acme", "--webhook", place), InvalidParameter)
    qwenq("tenants", "set", "acme", "--no-webhook")
    assert json.loads(qwenq("tenants", "show", "acme", "--json"))["webhook"] is None
    qwenq("tenants", "remove", "acme")
    assert isinstance(refused("tenants", "show", "acme"), UnknownTenant)
    assert isinstance(refused("tenants", "remove", "local"), TenantInUse)
    assert isinstance(refused("keys", "create", "--tenant", "acme"), UnknownTenant)


def test_without_a_key_only_loopback_is_served() -> None:
    with pytest.raises(UnguardedService):
        serve(Settings(), Serving("0.0.0.0", 0))
