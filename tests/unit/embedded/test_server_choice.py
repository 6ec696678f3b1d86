"""Which server becomes the embedded Redis, and which versions lack security fixes."""

import os
from pathlib import Path

import pytest

from qwenq.embedded import redis as embedded
from qwenq.embedded.redis import find_server
from qwenq.schemas.errors import ServiceFailed
from qwenq.store.broker.server_versions import ServerVersion


def plant(folder: Path, name: str, said: str) -> Path:
    """Put a program into a folder that says something about its version."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\necho '{said}'\n")
    path.chmod(0o755)
    return path


@pytest.mark.parametrize(
    ("name", "line", "patch", "fixed"),
    [
        ("Redis", (6, 2), 14, False),
        ("Redis", (6, 2), 24, True),
        ("Redis", (7, 0), 15, False),
        ("Redis", (7, 2), 15, False),
        ("Redis", (7, 2), 16, True),
        ("Redis", (8, 0), 9, False),
        ("Redis", (8, 10), 1, True),
        ("Redis", (9, 0), 0, True),
        ("Valkey", (7, 2), 11, False),
        ("Valkey", (8, 1), 9, True),
        ("Valkey", (9, 1), 0, False),
        ("Valkey", (9, 1), 2, True),
        ("Valkey", (10, 0), 0, True),
    ],
)
def test_a_version_is_fixed_from_the_patch_of_its_line_on(
    name: str, line: tuple[int, int], patch: int, fixed: bool
) -> None:
    assert ServerVersion(name, line, patch).is_fixed == fixed


def test_advice_names_the_patch_of_the_line_or_the_newest_line() -> None:
    assert "6.2.24" in ServerVersion("Redis", (6, 2), 14).advice
    assert "8.10" in ServerVersion("Redis", (7, 0), 15).advice


def test_a_server_tells_its_version_in_its_information() -> None:
    valkey = {"redis_version": "7.2.4", "server_name": "valkey", "valkey_version": "9.1.2"}
    assert ServerVersion.of_info(valkey) == ServerVersion("Valkey", (9, 1), 2)
    assert ServerVersion.of_info({"redis_version": "6.2.14"}) == ServerVersion("Redis", (6, 2), 14)
    assert ServerVersion.of_info({"redis_version": "unstable"}) is None
    assert ServerVersion.of_info({}) is None


def test_the_server_of_the_package_has_the_known_fixes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    version = ServerVersion.of_executable(find_server())
    assert version is not None
    assert version.is_fixed


@pytest.mark.parametrize(
    ("name", "said"),
    [("redis-server", "Redis server v=8.4.6 sha=0"), ("valkey-server", "Valkey server v=9.1.1 sha=0")],
)
def test_a_server_on_the_path_with_the_fixes_is_preferred(
    name: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    planted = plant(tmp_path, name, said)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin")
    assert find_server() == str(planted)


@pytest.mark.parametrize("said", ["Redis server v=6.2.14 sha=0", "something else"])
def test_a_server_on_the_path_without_the_fixes_is_used_only_without_the_package(
    said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    planted = plant(tmp_path, "redis-server", said)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin")
    assert find_server() != str(planted)
    monkeypatch.setattr(embedded, "_server_of_package", lambda: None)
    assert find_server() == str(planted)


@pytest.mark.parametrize("entry", ["", ".", "bin"])
def test_a_server_in_the_working_folder_is_never_started(
    entry: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(tmp_path / entry, "redis-server", "Redis server v=8.4.6 sha=0")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", os.pathsep.join([entry, "/nowhere"]))
    monkeypatch.setattr(embedded, "_server_of_package", lambda: None)
    with pytest.raises(ServiceFailed, match="install one"):
        find_server()
