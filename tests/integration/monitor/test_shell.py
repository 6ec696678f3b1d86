"""All routes, Flower's and ours: credentials, headers, navigation, and no leaked passwords."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from flower.options import default_options
from flower.urls import handlers as flower_handlers
from flower.urls import settings as flower_settings
from pydantic import SecretStr

from qwenq.monitor import layouts
from qwenq.monitor.headers import PROTECTIVE_HEADERS
from qwenq.monitor.routes import ROUTES
from qwenq.monitor.service import Serving, make_monitor
from qwenq.schemas.errors import UnguardedFlower
from qwenq.schemas.settings import Settings
from qwenq.store.database.store import Store
from qwenq.store.database.version import upgrade_store
from tests.builders import make_job
from tests.monitors import Browser, running_monitor
from tests.processes import qwenq
from tests.waiting import eventually

PAGES = ["/", "/workers", "/tasks", "/broker", "/jobs", "/fleet", "/help"]


def _paths() -> list[str]:
    """A path for each route, so that new routes are tested too."""
    patterns = [
        route.regex.pattern if hasattr(route, "regex") else route[0] for route in (*ROUTES, *flower_handlers)
    ]
    paths = [_path_of(pattern) for pattern in patterns]
    return sorted({*paths, "/nowhere", "/static/js/flower.js", "/qwenq/static/monitor.js"})


def _path_of(pattern: str) -> str:
    plain = pattern.rstrip("$").replace(".*", "x").replace(".+", "x").replace("/?", "").replace("\\", "")
    chosen = re.sub(r"\(\[0-9\]\{1,\d+\}\)", "1", plain)
    chosen = re.sub(r"\(([^()|]+)\|[^()]*\)", r"\1", chosen)
    return "/" + re.sub(r"[()]", "", chosen).lstrip("/")


@pytest.fixture(scope="module")
def watched(home: Path, sqlite_template: Path) -> Settings:
    """One kind of store is enough: these tests do not depend on it."""
    return Settings(home=home, database_url=f"sqlite:///{shutil.copy(sqlite_template, home / 'shell.db')}")


@pytest.fixture(scope="module")
def guarded(watched: Settings) -> Iterator[Browser]:
    settings = watched.model_copy(update={"flower_auth": SecretStr("ann:hidden-word")})
    with running_monitor(settings) as browser:
        yield browser


def test_the_tested_paths_reach_every_route() -> None:
    paths = _paths()
    for route in ROUTES:
        assert any(route.regex.fullmatch(path) for path in paths), route


def test_no_route_responds_without_credentials(guarded: Browser) -> None:
    for path in _paths():
        answers = [guarded.get(path), guarded.ask("POST", path)]
        assert [answer.status_code for answer in answers] == [401, 401], path
        assert answers[0].headers["WWW-Authenticate"].startswith("Basic ")
        assert guarded.get(path, auth=("ann", "hidden-word")).status_code != 401, path


@pytest.mark.parametrize(
    "authorization", ["", "Basic", "Basic !!!", "Basic YW5u", "Bearer YW5uOmhpZGRlbi13b3Jk"]
)
def test_malformed_credentials_are_refused(guarded: Browser, authorization: str) -> None:
    assert guarded.get("/jobs", headers={"Authorization": authorization}).status_code == 401


def test_every_response_has_the_protective_headers(flower: Browser) -> None:
    for path in _paths():
        answer = flower.get(path)
        assert {name: answer.headers.get(name) for name in PROTECTIVE_HEADERS} == PROTECTIVE_HEADERS, path
        assert "Access-Control-Allow-Origin" not in answer.headers, path
        assert "Server" not in answer.headers, path


def test_a_not_modified_response_has_the_protective_headers(flower: Browser) -> None:
    first = flower.get("/qwenq/static/monitor.css")
    again = flower.get("/qwenq/static/monitor.css", headers={"If-None-Match": first.headers["Etag"]})
    assert again.status_code == 304
    assert again.headers["X-Frame-Options"] == "DENY"


def test_no_page_has_an_inline_script_or_style(flower: Browser) -> None:
    policy = flower.get("/jobs").headers["Content-Security-Policy"]
    assert "default-src 'none'; script-src 'self'; style-src 'self';" in policy
    assert "unsafe-eval" not in policy
    for path in PAGES:
        page = flower.get(path).text
        assert not re.search(r"<script(?![^>]*\bsrc=)", page), path
        assert not re.search(r"\son\w+=", page), path
        assert "<style" not in page, path


@pytest.mark.parametrize("path", PAGES)
def test_pages_load_nothing_from_another_host(flower: Browser, path: str) -> None:
    page = flower.get(path).text
    loaded = re.findall(r'<(?:script|link|img|iframe)\b[^>]*?(?:src|href)="([^"]*)"', page)
    assert loaded
    assert [address for address in loaded if not re.match(r"/(?!/)", address)] == []
    assert {flower.get(address).status_code for address in loaded} == {200}


@pytest.mark.parametrize("path", PAGES)
def test_every_page_has_the_same_navigation(flower: Browser, path: str) -> None:
    links = re.findall(r'class="nav-link[^"]*"\s+href="([^"]*)"', flower.get(path).text)
    assert links[:6] == ["/jobs", "/schedules", "/fleet", "/workers", "/tasks", "/broker"]


def test_a_foreign_host_name_is_refused_without_credentials(flower: Browser, guarded: Browser) -> None:
    strange = {"Host": "evil.example:5555"}
    refused = flower.get("/jobs", headers=strange)
    assert refused.status_code == 403
    assert "QWENQ_FLOWER_AUTH" in refused.text
    for name in ("localhost:1", "127.0.0.1", "[::1]:5555"):
        assert flower.get("/jobs", headers={"Host": name}).status_code == 200
    assert guarded.get("/jobs", headers=strange, auth=("ann", "hidden-word")).status_code == 200


@pytest.mark.parametrize("address", ["0.0.0.0", "::", "192.0.2.1", "example.org"])
def test_flower_refuses_to_listen_beyond_loopback_without_credentials(tmp_path: Path, address: str) -> None:
    with pytest.raises(UnguardedFlower, match="QWENQ_FLOWER_AUTH"):
        make_monitor(Settings(home=tmp_path), Serving(address, 0))


def test_a_port_in_use_is_reported_in_a_sentence(flower: Browser, tmp_path: Path) -> None:
    port = flower.url.rpartition(":")[2]
    refused = qwenq("flower", "--port", port, cwd=tmp_path)
    assert refused.returncode == 2
    assert f"port {port}: address already in use. Choose another --port" in refused.stderr


def test_an_unknown_page_is_not_found(flower: Browser) -> None:
    answer = flower.get("/nowhere")
    assert answer.status_code == 404
    assert "There is no page at /nowhere." in answer.text
    assert 'aria-label="Primary navigation"' in answer.text


def test_no_page_shows_passwords_of_broker_or_store(watched: Settings) -> None:
    secret = "hidden-word"
    settings = watched.model_copy(
        update={
            "broker_url": f"redis://user:{secret}@127.0.0.1:1/0",
            "database_url": f"postgresql://user:{secret}@127.0.0.1:1/none?connect_timeout=1",
        }
    )
    with running_monitor(settings) as browser:
        for path in [*PAGES, "/metrics", "/healthcheck"]:
            assert secret not in browser.get(path).text, path
        assert "redis://user:***@127.0.0.1:1/0" in browser.get("/broker").text


def test_pages_without_a_store_say_what_to_do(watched: Settings) -> None:
    settings = watched.model_copy(update={"database_url": "postgresql://127.0.0.1:1/none"})
    with running_monitor(settings) as browser:
        answer = browser.get("/jobs")
        assert answer.status_code == 503
        assert "Start it, or correct QWENQ_DATABASE_URL" in answer.text
        assert 'aria-label="Primary navigation"' in answer.text
        assert "Traceback" not in answer.text
        live = browser.get("/jobs", headers={"HX-Request": "true"})
        assert (live.status_code, "<" in live.text) == (503, False)
        assert browser.get("/workers").status_code == 200


def test_pages_of_a_store_without_tables_name_the_command_that_makes_them(
    watched: Settings, empty_postgres_url: str
) -> None:
    with running_monitor(watched.model_copy(update={"database_url": empty_postgres_url})) as browser:
        answer = browser.get("/jobs")
        assert answer.status_code == 503
        assert "qwenq db upgrade" in answer.text


@pytest.fixture
def behind_a_path(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Set Flower's path prefix, and restore it: Flower's options are global."""
    for name in ("login_url", "static_url_prefix"):
        monkeypatch.setitem(flower_settings, name, flower_settings[name])
    monkeypatch.setenv("FLOWER_URL_PREFIX", "flower")
    yield
    default_options.url_prefix = None


def test_flower_works_behind_a_path_prefix(watched: Settings, behind_a_path: None) -> None:
    with running_monitor(watched) as browser:
        page = browser.get("/flower/jobs").text
        own = re.findall(r'(?:href|src|action|hx-get)="(/[^"]*)"', page)
        assert own
        assert [address for address in own if not address.startswith("/flower/")] == []
        assert {browser.get(address).status_code for address in own if "static" in address} == {200}


def test_a_changed_template_of_flower_is_an_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "workers.html").write_text("another Flower's workers")
    monkeypatch.setattr(layouts, "FLOWER_TEMPLATES", tmp_path)
    with pytest.raises(ValueError, match=r"Flower's template workers\.html has changed"):
        layouts.Layouts().load("workers.html")


def test_a_store_that_is_created_later_is_found(watched: Settings, empty_postgres_url: str) -> None:
    with running_monitor(watched.model_copy(update={"database_url": empty_postgres_url})) as browser:
        assert browser.get("/jobs").status_code == 503
        with Store(empty_postgres_url) as store:
            upgrade_store(store)
        eventually(lambda: browser.get("/jobs").status_code == 200, "the store is found")


def test_a_trailing_slash_redirects_to_the_jobs(flower: Browser) -> None:
    answer = flower.get("/jobs/?state=queued", allow_redirects=True)
    assert answer.status_code == 200
    assert answer.url == f"{flower.url}/jobs?state=queued"


def test_head_requests_get_headers_without_a_body(flower: Browser, watched_store: Store) -> None:
    job_id = make_job(watched_store)
    for path in ("/jobs", f"/jobs/{job_id}", "/fleet", f"/jobs/{job_id}/results.jsonl"):
        answer = flower.ask("HEAD", path)
        assert (answer.status_code, answer.content) == (200, b""), path
    assert flower.ask("HEAD", "/jobs/999999").status_code == 404
    assert flower.ask("HEAD", f"/jobs/{job_id}/cancel").status_code == 405
