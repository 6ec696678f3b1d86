"""Flower's options from the environment: the harmless are taken, the others are refused in a sentence; OAuth."""

import logging
import shutil
import socket
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path

import pytest
from flower.options import default_options
from flower.urls import settings as flower_settings
from pydantic import SecretStr
from tornado.web import create_signed_value

from qwenq.monitor.flower_options import ALLOWED, IGNORED
from qwenq.monitor.service import Serving, make_monitor
from qwenq.schemas.errors import InvalidSetting
from qwenq.schemas.settings import Settings
from qwenq.store.database.store import Store
from tests.builders import make_job
from tests.monitors import Browser, running_monitor

GITHUB = {
    "FLOWER_AUTH": "ann@example.org",
    "FLOWER_AUTH_PROVIDER": "flower.views.auth.GithubLoginHandler",
    "FLOWER_OAUTH2_KEY": "key",
    "FLOWER_OAUTH2_SECRET": "secret",
    "FLOWER_OAUTH2_REDIRECT_URI": "http://localhost/login",
}


@pytest.fixture(scope="module")
def watched(home: Path, sqlite_template: Path) -> Settings:
    """One kind of store is enough."""
    return Settings(home=home, database_url=f"sqlite:///{shutil.copy(sqlite_template, home / 'doors.db')}")


@pytest.fixture(autouse=True)
def _flowers_options(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Restore Flower's options: they are global."""
    before = default_options.as_dict()
    settings = dict(flower_settings)
    yield
    for name, value in before.items():
        setattr(default_options, name, value)
    flower_settings.clear()
    flower_settings.update(settings)


@pytest.mark.parametrize(
    "variable",
    [
        "FLOWER_BASIC_AUTH",
        "FLOWER_UNAUTHENTICATED_API",
        "FLOWER_XHEADERS",
        "FLOWER_DEBUG",
        "FLOWER_CONF",
        "FLOWER_DB",
        "FLOWER_PERSISTENT",
        "FLOWER_STATE_SAVE_INTERVAL",
        "FLOWER_BROKER_API",
        "FLOWER_FORMAT_TASK",
        "FLOWER_LOG_FILE_PREFIX",
        "FLOWER_UNIX_SOCKET",
    ],
)
def test_an_option_that_opens_a_door_is_refused_in_a_sentence(
    watched: Settings, variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, "1")
    with pytest.raises(InvalidSetting, match=variable) as refused:
        make_monitor(watched, Serving("127.0.0.1", 0))
    assert len(str(refused.value)) > 60


def test_every_option_of_flower_is_allowed_ignored_or_refused(
    watched: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in sorted(set(default_options.as_dict()) - ALLOWED - IGNORED):
        with monkeypatch.context() as patch, pytest.raises(InvalidSetting):
            patch.setenv(f"FLOWER_{name.upper()}", "x")
            make_monitor(watched, Serving("127.0.0.1", 0))


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"FLOWER_MAX_TASKS": "many"}, "FLOWER_"),
        ({**GITHUB, "FLOWER_AUTH_PROVIDER": "os.system"}, "FLOWER_AUTH_PROVIDER"),
        ({**GITHUB, "FLOWER_COOKIE_SECRET": "short"}, "FLOWER_COOKIE_SECRET"),
        ({"FLOWER_AUTH": "ann@example.org"}, "FLOWER_AUTH_PROVIDER"),
    ],
)
def test_an_unsafe_value_of_an_option_is_refused(
    watched: Settings, variables: dict[str, str], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(InvalidSetting, match=said):
        make_monitor(watched, Serving("127.0.0.1", 0))


def test_the_port_that_kubernetes_sets_is_ignored(watched: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLOWER_PORT", "tcp://10.0.0.1:5555")
    with running_monitor(watched) as browser:
        assert browser.get("/jobs").status_code == 200


def test_a_unix_socket_asks_for_the_password(
    watched: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLOWER_UNIX_SOCKET", str(tmp_path / "s"))
    with running_monitor(watched.model_copy(update={"flower_auth": SecretStr("ann:a-long-password")})):
        connection = HTTPConnection("localhost")
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.connect(str(tmp_path / "s"))
        connection.request("GET", "/jobs")
        assert connection.getresponse().status == 401
        connection.close()


@pytest.fixture
def signing_in(watched: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Browser]:
    """A Flower with OAuth, and a token for Prometheus."""
    for name, value in GITHUB.items():
        monkeypatch.setenv(name, value)
    with running_monitor(watched.model_copy(update={"metrics_token": SecretStr("prometheus")})) as browser:
        yield browser


def test_with_oauth_metrics_and_health_ask_for_a_user_or_the_token(signing_in: Browser) -> None:
    for path in ("/metrics", "/healthcheck"):
        assert signing_in.get(path).status_code == 401
        assert signing_in.get(path, headers={"Host": "evil.example"}).status_code == 401
        assert signing_in.get(path, headers={"Authorization": "Bearer prometheus"}).status_code == 200
        assert signing_in.get(path, headers=_signed_in("ann@example.org")).status_code == 200


def test_with_oauth_a_page_redirects_to_the_sign_in(signing_in: Browser) -> None:
    for path in ("/jobs", "/workers", "/api/workers", "/jobs/1/results.jsonl"):
        answer = signing_in.get(path)
        assert (answer.status_code, answer.headers.get("Location")) == (303, "/login"), path
    assert signing_in.ask("POST", "/jobs/1/cancel").status_code == 401
    assert signing_in.get("/login").headers["Location"].startswith("https://github.com/")
    secure = signing_in.get("/login").headers["Set-Cookie"]
    assert "HttpOnly" in secure


def test_with_oauth_only_the_named_addresses_get_in(signing_in: Browser) -> None:
    assert signing_in.get("/jobs", headers=_signed_in("ann@example.org")).status_code == 200
    assert signing_in.get("/api/workers", headers=_signed_in("ann@example.org")).status_code == 200
    assert signing_in.get("/workers", headers=_signed_in("ann@example.org")).status_code == 200
    assert signing_in.get("/jobs", headers=_signed_in("eve@example.org")).status_code == 303
    assert signing_in.get("/jobs", headers={"Cookie": "user=ann@example.org"}).status_code == 303
    forged = _signed_in("ann@example.org", "another secret" * 4)
    assert signing_in.get("/jobs", headers=forged).status_code == 303


def test_with_oauth_buttons_act_in_the_name_of_who_is_signed_in(
    signing_in: Browser, watched: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "qwenq.store")
    signing_in.session.cookies.set("user", _signed_in("ann@example.org")["Cookie"].partition("=")[2])
    with Store.of(watched) as store:
        for _ in range(3):
            job_id = make_job(store)
            for action in ("pause", "resume", "cancel"):
                assert signing_in.press(action, job_id).status_code == 303, action
    deeds = [vars(record)["by"] for record in caplog.records if record.getMessage() == "job.cancelled"]
    assert deeds == ["ann@example.org"] * 3


def _signed_in(user: str, secret: str | None = None) -> dict[str, str]:
    """The header of a browser that has signed in."""
    signed = create_signed_value(secret or flower_settings["cookie_secret"], "user", user)
    return {"Cookie": f"user={signed.decode()}"}
