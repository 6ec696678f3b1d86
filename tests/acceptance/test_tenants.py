"""`qwenq tenants`, `keys` and `audit`, in this process."""

import hashlib
import json
from pathlib import Path

import click
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
from qwenq.server.listening.serving import Serving, serve


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


def test_bounds_are_set_shown_switched_off_and_set_back() -> None:
    def shown() -> dict[str, int | None]:
        return dict(json.loads(qwenq("tenants", "show", "acme", "--json"))["bounds"])

    qwenq("tenants", "add", "acme", "--stored-bytes", "20GiB", "--sanitize")
    first = shown()
    assert (first["stored_bytes"], first["open_batches"], first["tokens_per_day"]) == (
        20 * 1024**3,
        2_000,
        None,
    )
    qwenq(
        "tenants",
        "set",
        "acme",
        "--open-batches",
        "5",
        "--tokens-per-day",
        "5M",
        "--requests-per-hour",
        "off",
    )
    assert shown() == first | {"open_batches": 5, "tokens_per_day": 5_000_000, "requests_per_hour": None}
    text = qwenq("tenants", "show", "acme")
    assert "its documents are sanitized" in text
    assert "open batches         5\n" in text
    assert "batch lines          50,000  (default)" in text
    assert "requests per hour    off\n" in text
    qwenq("tenants", "set", "acme", "--open-batches", "default", "--no-sanitize")
    tenant = json.loads(qwenq("tenants", "show", "acme", "--json"))
    assert (tenant["bounds"]["open_batches"], tenant["sanitizes"]) == (2_000, False)
    for word in ("-1", "many", "1.5", "9999999999TB", "5X"):
        assert isinstance(refused("tenants", "set", "acme", "--open-batches", word), click.UsageError)


def test_a_key_has_bounds_of_its_own_only_if_it_is_created_with_some() -> None:
    qwenq("tenants", "add", "acme")
    qwenq("keys", "create", "--tenant", "acme")
    qwenq("keys", "create", "--tenant", "acme", "--requests-per-minute", "60", "--max-tokens", "off")
    assert [one["bounds"] for one in json.loads(qwenq("keys", "list", "--json"))] == [
        {},
        {"requests_per_minute": 60},
    ]
    assert "requests per minute 60" in qwenq("keys", "list")
    assert isinstance(
        refused("keys", "create", "--tenant", "acme", "--max-tokens", "default"), click.UsageError
    )
