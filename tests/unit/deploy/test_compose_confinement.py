"""Each service of Compose is confined, reaches only what it needs, and gets its own secrets as files."""

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from qwenq.schemas.settings import ENV_PREFIX, Settings, load_settings
from tests.unit.deploy.compose import BASE, ROOT, load

STORES = ("postgres", "redis")
SERVICES = load(BASE)["services"]
MAKE_SECRETS = ROOT / "deploy" / "make-secrets.sh"
DIGEST = f"sha256:{'5' * 64}"


@pytest.fixture
def made(tmp_path: Path) -> Path:
    """The folder of secrets that a person makes before the first start."""
    folder = tmp_path / "secrets"
    subprocess.run(["sh", MAKE_SECRETS, folder], check=True, capture_output=True, timeout=60)
    return folder


@pytest.mark.parametrize("service", SERVICES.values(), ids=SERVICES)
def test_a_service_cannot_write_gain_rights_or_take_the_machine(service: dict[str, Any]) -> None:
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["mem_limit"]
    assert service["pids_limit"]
    assert not set(service) & {"privileged", "cap_add", "network_mode", "pid", "ipc"}


def test_monitoring_cannot_reach_the_stores_and_they_cannot_reach_the_outside() -> None:
    networks = {name: set(one["networks"]) for name, one in SERVICES.items()}
    for name in ("prometheus", "grafana"):
        assert not networks[name] & {network for store in STORES for network in networks[store]}
    assert all(networks[store] == {"data"} for store in STORES)
    assert load(BASE)["networks"]["data"] == {"internal": True}


def secrets_of(name: str) -> dict[str, str]:
    """The secrets of a service: the name of each file there, and its source."""
    return {one.get("target", one["source"]): one["source"] for one in SERVICES[name].get("secrets", ())}


def test_each_service_gets_the_secrets_of_its_own_role() -> None:
    assert {name: set(secrets_of(name)) for name in SERVICES} == {
        "redis": {"users.acl"},
        "postgres": {"password", "/docker-entrypoint-initdb.d/2-passwords.sql"},
        "migrate": {"qwenq_database_url"},
        "grants": {"password"},
        "worker": {"qwenq_database_url", "qwenq_broker_url", "hf_token"},
        "beat": {"qwenq_database_url", "qwenq_broker_url", "qwenq_webhook_secret", "qwenq_smtp_url"},
        "api": {"qwenq_database_url", "qwenq_broker_url", "qwenq_metrics_token"},
        "flower": {
            "qwenq_database_url",
            "qwenq_broker_url",
            "qwenq_flower_auth",
            "qwenq_flower_viewers",
            "qwenq_metrics_token",
        },
        "prometheus": {"metrics_token"},
        "grafana": {"grafana_password"},
    }
    for name, role in (
        ("migrate", "owner"),
        ("worker", "worker"),
        ("beat", "beat"),
        ("api", "api"),
        ("flower", "flower"),
    ):
        assert secrets_of(name)["qwenq_database_url"] == f"{role}_database_url"


def test_secrets_named_as_settings_are_settings() -> None:
    settings = {ENV_PREFIX.lower() + name for name in Settings.model_fields}
    targets = {target for name in SERVICES for target in secrets_of(name) if target.startswith("qwenq_")}
    assert targets <= settings


def test_every_secret_of_compose_is_made_for_its_owner_alone(made: Path) -> None:
    for secret in load(BASE)["secrets"].values():
        file = made / Path(secret["file"]).relative_to("secrets")
        assert file.is_file(), file
        assert file.stat().st_mode & 0o777 == 0o444
    assert made.stat().st_mode & 0o777 == 0o700


def test_secrets_that_are_in_use_are_not_made_anew(made: Path) -> None:
    again = subprocess.run(
        ["sh", MAKE_SECRETS, made], capture_output=True, text=True, check=False, timeout=60
    )
    assert again.returncode == 1
    assert "are in use" in again.stderr


@pytest.mark.parametrize("service", ["owner", "beat", "producer", "api", "worker", "flower"])
def test_the_secrets_of_a_service_are_its_settings(
    made: Path, service: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("QWENQ_SECRETS_DIR", str(made / service))
    settings = load_settings()
    assert settings.database_url
    assert re.fullmatch(
        rf"postgresql://qwenq_{service}:[0-9a-f]{{48}}@postgres:5432/qwenq", settings.database_url
    )
    assert service == "owner" or (settings.broker_url or "").startswith(f"redis://{service}:")


def test_images_have_exact_versions() -> None:
    images = {one["image"] for one in SERVICES.values()} - {"qwenq"}
    images |= set(re.findall(r"^FROM (\S+)", (ROOT / "Dockerfile").read_text("utf-8"), re.MULTILINE))
    assert [image for image in images if not re.search(r":v?\d+\.\d+(\.\d+)?(-|$)", image)] == []


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The files that pin-images.sh reads, and a folder for a docker of our own."""
    (tmp_path / "deploy").mkdir()
    (tmp_path / "bin").mkdir()
    for name in ("docker-compose.yml", "Dockerfile", "deploy/pin-images.sh"):
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    return tmp_path


def pin_images(project: Path, answer: str) -> subprocess.CompletedProcess[str]:
    docker = project / "bin" / "docker"
    docker.write_text(f"#!/bin/sh\n{answer}\n")
    docker.chmod(0o755)
    environment = {**os.environ, "PATH": f"{docker.parent}:{os.environ['PATH']}"}
    return subprocess.run(
        ["sh", project / "deploy" / "pin-images.sh"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_every_image_is_pinned_by_the_digest_that_the_registry_gives(project: Path) -> None:
    assert pin_images(project, f"echo {DIGEST}").returncode == 0
    pinned = yaml.safe_load((project / "docker-compose.pinned.yml").read_text("utf-8"))["services"]
    assert set(pinned) == set(SERVICES)
    for name, one in pinned.items():
        image = SERVICES[name]["image"]
        if image == "qwenq":
            (base,) = one["build"]["additional_contexts"].items()
            assert base == (
                "python:3.11.14-slim-trixie",
                f"docker-image://python:3.11.14-slim-trixie@{DIGEST}",
            )
        else:
            assert one == {"image": f"{image}@{DIGEST}"}


@pytest.mark.parametrize("answer", ["exit 1", "echo nothing"])
def test_nothing_is_pinned_without_the_registry(project: Path, answer: str) -> None:
    assert pin_images(project, answer).returncode != 0
    assert list(project.glob("docker-compose.pinned*")) == []
