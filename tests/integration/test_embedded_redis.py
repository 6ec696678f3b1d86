"""The embedded Redis counts as started once it answers; nobody waits for a missing one."""

import time
from pathlib import Path

import pytest
import redis as redis_client

from qwenq.embedded.redis import answers, start_redis
from qwenq.schemas.settings import Settings
from qwenq.store.broker.broker import socket_path
from qwenq.store.broker.server_versions import ServerVersion

AT_ONCE = 2.5  # seconds; by itself, the client tries for three


def test_a_missing_socket_of_the_embedded_redis_is_reported_at_once(tmp_path: Path) -> None:
    began = time.monotonic()
    assert not answers(str(tmp_path / "redis.sock"))
    assert time.monotonic() - began < AT_ONCE


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_started_redis_answers(settings: Settings, redis: None) -> None:
    assert answers(socket_path(settings))
    with redis_client.Redis(unix_socket_path=socket_path(settings)) as client:
        assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_log_of_an_old_redis_says_which_version_has_the_fixes(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = ServerVersion("Redis", (6, 2), 14)
    monkeypatch.setattr(ServerVersion, "of_executable", lambda _path: old)
    service = start_redis(settings)
    service.ask_to_stop()
    service.wait_until_stopped(30)
    assert "Redis 6.2.14 lacks security fixes; install 6.2.24" in service.log.read_text()
