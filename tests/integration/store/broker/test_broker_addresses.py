"""The broker's address: homes of any name, a private folder for sockets, invalid URLs, masked passwords."""

import os
import stat
from pathlib import Path

import pytest
from flower.utils.broker import Broker as FlowersBroker

from qwenq.embedded.redis import start_redis
from qwenq.schemas.errors import InvalidSetting
from qwenq.schemas.log.addresses import without_passwords
from qwenq.schemas.settings import Settings
from qwenq.store.broker.broker import Broker, broker_url, make_app, socket_path


@pytest.mark.parametrize("name", ["a#b?c", "50%20 a", "Zürich", "long" * 30])
def test_a_home_of_any_name_has_a_socket_that_all_find(tmp_path: Path, name: str) -> None:
    settings = Settings(home=tmp_path / name)
    settings.home.mkdir()
    socket = Path(socket_path(settings))
    assert len(os.fsencode(socket)) <= 100
    assert stat.S_IMODE(socket.parent.stat().st_mode) == 0o700
    assert socket.parent.stat().st_uid == os.getuid()
    (tmp_path / "link").symlink_to(settings.home)
    assert socket_path(Settings(home=tmp_path / "link" / ".." / name)) == str(socket)
    with make_app(settings).connection() as connection:
        flowers = FlowersBroker(connection.as_uri(include_password=True))
    assert flowers.redis.connection_pool.connection_kwargs["path"] == str(socket)


def test_the_embedded_redis_of_an_unusual_home_answers(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "50% of # é")
    service = start_redis(settings)
    try:
        with Broker(settings) as broker:
            broker.ping()
    finally:
        service.ask_to_stop()
        service.wait_until_stopped(5)


def test_a_socket_folder_of_another_user_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings(home=tmp_path / "é")
    owner = os.getuid()
    monkeypatch.setattr("os.getuid", lambda: owner + 54_321)
    folder = Path(f"/tmp/qwenq-{owner + 54_321}")
    try:
        with pytest.raises(InvalidSetting, match="not this user's alone"):
            socket_path(settings)
    finally:
        folder.rmdir()


@pytest.mark.parametrize(
    "url",
    [
        "redis://[bad",
        "amqp://host",
        "nonsense://x",
        "host:6379",
        "redis:/x",
        "redis://h:port/0",
        "redis://h/a",
        "redis://ann:1#s3cret@h/0",
        "redis://ann:1?s3cret@h/0",
        "redis://ann:1/s3cret@h/0",
    ],
)
def test_a_url_of_another_service_raises_invalid_setting(url: str) -> None:
    with pytest.raises(InvalidSetting) as invalid:
        Broker(Settings(broker_url=url))
    assert invalid.value.name == "QWENQ_BROKER_URL"
    assert "s3cret" not in str(invalid.value)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://:s3cret@host/0", "redis://:***@host/0"),
        ("redis://ann:s3@cret@host/0", "redis://ann:***@host/0"),
        ("redis://host/0?password=s3cret&x=1", "redis://host/0?password=***&x=1"),
        ("redis://:one@a;redis://:two@b", "redis://:***@a;redis://:***@b"),
        ("postgresql://h/db?sslpassword=s3cret", "postgresql://h/db?sslpassword=***"),
        ("redis+socket:///tmp/a@b:c@d.sock", "redis+socket:///tmp/a@b:c@d.sock"),
        ("redis://[bad", "redis://[bad"),
        ("postgresql://ann:s3/cret@h/db", "postgresql://ann:***@h/db"),
        ("postgresql://ann:s3#cret@h/db", "postgresql://ann:***@h/db"),
        ("postgresql://ann:s3?cret@h/db", "postgresql://ann:***@h/db"),
        ("postgresql://ann:s3 cret@h/db", "postgresql://ann:***@h/db"),
        ("postgresql://ann:s3\ncret@h/db", "postgresql://ann:***@h/db"),
        ("postgresql://ann@corp:s3@cret@h/db", "postgresql://ann@corp:***@h/db"),
        ("postgresql://h/db?password=s3#c ret&x=1", "postgresql://h/db?password=***&x=1"),
        ("s3://bucket/a:b@c.jsonl", "s3://bucket/a:b@c.jsonl"),
        ("https://host/a?mail=b:c@d", "https://host/a?mail=b:c@d"),
    ],
)
def test_passwords_in_broker_urls_are_masked(url: str, shown: str) -> None:
    assert without_passwords(url) == shown


def test_the_broker_url_of_a_plain_home_needs_no_quoting(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "h")
    assert broker_url(settings) == f"redis+socket://{tmp_path}/h/redis.sock"
