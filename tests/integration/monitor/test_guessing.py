"""Wrong passwords: a guesser waits longer and longer, others do not, and the log names the address."""

import logging
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from pydantic import SecretStr

from qwenq.access.passwords import hash_password
from qwenq.access.pauses import FREE_REFUSALS
from qwenq.monitor.service import Serving, make_monitor
from qwenq.schemas.errors import WeakPassword
from qwenq.schemas.settings import Settings
from tests.monitors import Browser, running_monitor

RIGHT = ("ann", "a-long-password")


@pytest.fixture(scope="module")
def watched(home: Path, sqlite_template: Path) -> Settings:
    """Settings with a hashed password, and with this machine as a trusted proxy."""
    return Settings(
        home=home,
        database_url=f"sqlite:///{shutil.copy(sqlite_template, home / 'guessing.db')}",
        flower_auth=SecretStr(f"ann:{hash_password('a-long-password')}"),
        flower_proxies="127.0.0.1",
    )


@pytest.fixture
def flower(watched: Settings) -> Iterator[Browser]:
    with running_monitor(watched) as browser:
        yield browser


def _ask(flower: Browser, password: str, **headers: str) -> requests.Response:
    return requests.get(f"{flower.url}/jobs", auth=("ann", password), headers=headers, timeout=30)


def test_a_guesser_waits_and_others_get_in(flower: Browser, caplog: pytest.LogCaptureFixture) -> None:
    guesser = {"X-Forwarded-For": "192.0.2.7"}
    with caplog.at_level(logging.WARNING, "qwenq.monitor"):
        statuses = [_ask(flower, f"guess-{number}", **guesser).status_code for number in range(40)]
    assert statuses[:FREE_REFUSALS] == [401] * FREE_REFUSALS
    assert statuses.count(401) < 12, "most guesses are not even looked at"
    paused = _ask(flower, RIGHT[1], **guesser)
    assert paused.status_code == 429
    assert 1 <= int(paused.headers["Retry-After"]) <= 60
    assert "192.0.2.7" in paused.text
    assert _ask(flower, RIGHT[1]).status_code == 200
    assert _ask(flower, RIGHT[1], **{"X-Forwarded-For": "192.0.2.8"}).status_code == 200
    refusals = [record for record in caplog.records if record.getMessage() == "flower.refused"]
    assert refusals
    assert {vars(record)["address"] for record in refusals} == {"192.0.2.7"}
    assert "guess-" not in caplog.text


def test_requests_without_a_password_are_no_guesses(flower: Browser) -> None:
    for _ in range(3 * FREE_REFUSALS):
        assert requests.get(f"{flower.url}/jobs", timeout=30).status_code == 401
    assert _ask(flower, RIGHT[1]).status_code == 200


def test_a_client_cannot_choose_its_address_without_a_trusted_proxy(watched: Settings) -> None:
    with running_monitor(watched.model_copy(update={"flower_proxies": None})) as browser:
        found = [
            _ask(browser, "guess", **{"X-Forwarded-For": f"192.0.2.{number}"}).status_code
            for number in range(12)
        ]
    assert 429 in found


def test_a_client_cannot_choose_its_address_before_a_trusted_proxy(flower: Browser) -> None:
    found = [
        _ask(flower, "guess", **{"X-Forwarded-For": f"192.0.2.{number}, 198.51.100.1, 127.0.0.1"}).status_code
        for number in range(12)
    ]
    assert 429 in found


@pytest.mark.parametrize("header", ["X-Scheme", "X-Forwarded-Proto"])
def test_cookies_are_secure_where_a_trusted_proxy_says_https(
    flower: Browser, watched: Settings, header: str
) -> None:
    cookie = _ask(flower, RIGHT[1], **{header: "https"}).headers["Set-Cookie"]
    assert "Secure" in cookie
    assert "SameSite=Lax" in cookie
    assert "Secure" not in _ask(flower, RIGHT[1]).headers["Set-Cookie"]
    assert "Secure" not in _ask(flower, RIGHT[1], **{header: "gopher"}).headers["Set-Cookie"]
    workers = requests.get(f"{flower.url}/workers", auth=RIGHT, headers={header: "https"}, timeout=30)
    assert "Secure" in workers.headers["Set-Cookie"], "Flower's own pages, too"
    with running_monitor(watched.model_copy(update={"flower_proxies": None})) as browser:
        assert "Secure" not in _ask(browser, RIGHT[1], **{header: "https"}).headers["Set-Cookie"]


@pytest.mark.parametrize("address", ["0.0.0.0", "::"])
def test_flower_does_not_start_with_a_short_password_on_the_network(watched: Settings, address: str) -> None:
    weak = watched.model_copy(update={"flower_auth": SecretStr("a:b")})
    with pytest.raises(WeakPassword, match="12 characters"):
        make_monitor(weak, Serving(address, 0))
