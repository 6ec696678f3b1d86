"""docs/access.md says which role may request which route; every route of the running application is tried."""

import re
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests
from pydantic import SecretStr
from tornado.routing import PathMatches, RuleRouter

from qwenq.access.roles import RULES, Role, rule_of
from qwenq.schemas.settings import Settings
from tests.monitors import Browser, running_monitor

PAGE = (Path(__file__).parents[3] / "docs" / "access.md").read_text("utf-8")
ROW = re.compile(r"^\| `(/[^`]*)` \| ([A-Z, ]+|none) \| (yes|-) \| (yes|-) \| (yes|-) \|$", re.MULTILINE)
METHODS = ("GET", "HEAD", "OPTIONS", "POST", "PUT", "DELETE", "PATCH", "TRACE", "PROPFIND", "BREW")
NO_PAGE = ".*$"
"""Flower's last route, for addresses without a page."""
REFUSED = {401, 403, 404, 405, 429}
CREDENTIALS = {
    Role.VIEWER: {"auth": ("vera", "viewers-password")},
    Role.OPERATOR: {"auth": ("otto", "operators-password")},
    Role.METRICS: {"headers": {"Authorization": "Bearer prometheus-token"}},
}


@dataclass(frozen=True)
class Row:
    """One row of the page: a route, its methods, and the roles that may use them."""

    path: str
    methods: tuple[str, ...]
    roles: frozenset[Role]

    @property
    def example(self) -> str:
        """A path of the route."""
        return _example_of(self.path)


def _rows() -> list[Row]:
    rows = []
    for path, methods, *cells in ROW.findall(PAGE.replace(r"\|", "¦")):
        roles = frozenset(
            role
            for role, cell in zip((Role.VIEWER, Role.OPERATOR, Role.METRICS), cells, strict=True)
            if cell == "yes"
        )
        named = () if methods == "none" else tuple(methods.split(", "))
        rows.append(Row(path.replace("¦", "|"), named, roles))
    return rows


ROWS = _rows()


def _example_of(pattern: str) -> str:
    plain = re.sub(r"\(([^()|]+)(\|[^()]*)?\)", r"\1", pattern.rstrip("$")).replace("/?", "")
    plain = re.sub(r"\[0-9\](\+|\{1,\d+\})", "7", plain)
    return plain.replace(".*", "x").replace(".+", "x").replace("\\", "")


def _served(rules: Iterable[Any]) -> Iterator[str]:
    """The patterns of a router's routes."""
    for rule in rules:
        if isinstance(rule.matcher, PathMatches):
            yield rule.matcher.regex.pattern
        if isinstance(rule.target, RuleRouter):
            yield from _served(rule.target.rules)


@pytest.fixture(scope="module")
def watched(home: Path, sqlite_template: Path) -> Settings:
    """The rules do not depend on the kind of store."""
    return Settings(
        home=home,
        database_url=f"sqlite:///{shutil.copy(sqlite_template, home / 'roles.db')}",
        flower_auth=SecretStr("otto:operators-password"),
        flower_viewers=SecretStr("vera:viewers-password"),
        metrics_token=SecretStr("prometheus-token"),
    )


@pytest.fixture(scope="module")
def guarded(watched: Settings) -> Iterator[Browser]:
    with running_monitor(watched) as browser:
        yield browser


def _status(browser: Browser, role: Role | None, method: str, path: str) -> int:
    given = CREDENTIALS[role] if role else {}
    # A session would send its cookies, and keep one connection.
    return requests.request(
        method,
        browser.url + path,
        allow_redirects=False,
        timeout=30,
        **given,  # type: ignore[arg-type]
    ).status_code


def test_the_page_lists_every_rule_in_order() -> None:
    assert [(row.path, row.methods, row.roles) for row in ROWS] == [
        (rule.path, rule.methods, rule.roles) for rule in RULES
    ]


def test_every_route_of_the_running_application_has_a_row(guarded: Browser) -> None:
    patterns = set(_served(guarded.monitor.default_router.rules)) - {NO_PAGE}
    assert len(patterns) > 40
    for pattern in patterns:
        path = _example_of(pattern)
        assert re.fullmatch(pattern, path), "the example is a path of the route"
        assert rule_of(path) is not None, (
            f"add a row for {pattern} to qwenq/access/roles.py and docs/access.md"
        )


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.path)
def test_each_role_may_request_what_its_row_says(guarded: Browser, row: Row) -> None:
    for method in METHODS:
        assert _status(guarded, None, method, row.example) == 401, method
        for role in Role:
            status = _status(guarded, role, method, row.example)
            if role not in row.roles:
                assert status == 403, (role, method)
            elif method not in row.methods:
                assert status == 405, (role, method)
            elif row.methods == ("POST",):
                assert status == 403, "a post without the token of its form"
            else:  # 404: there is no such job, worker or file
                assert status not in REFUSED - {404}, (role, method)


@pytest.mark.parametrize(
    "path",
    [
        "/api/worker/shutdown/x",
        "/api/worker/pool/grow/x",
        "/api/worker/queue/add-consumer/x",
        "/api/task/send-task/x",
        "/api/task/apply/x",
        "/api/task/async-apply/x",
        "/api/task/revoke/x",
        "/api/task/abort/x",
        "/api/task/timeout/x",
        "/api/task/rate-limit/x",
        "/api/task/result/x",
        "//api/worker/shutdown/x",
        "/api/workers/../worker/shutdown/x",
        "/api//worker/shutdown/x",
        "/%61pi/worker/shutdown/x",
        "/api/worker/shutdown/x%0a",
    ],
)
def test_flowers_control_is_off_for_everybody(guarded: Browser, path: str) -> None:
    for role in (None, *Role):
        for method in ("POST", "GET", "PUT"):
            status = _raw_status(guarded, role, method, path)
            assert status in ({401} if role is None else {403, 404}), (role, method)


def _raw_status(browser: Browser, role: Role | None, method: str, path: str) -> int:
    """The status of a path that is sent as it is."""
    given = CREDENTIALS[role] if role else {}
    prepared = requests.Request(method, browser.url, **given).prepare()  # type: ignore[arg-type]
    prepared.url = browser.url + path
    with requests.Session() as session:
        return session.send(prepared, timeout=30, allow_redirects=False).status_code


@pytest.mark.parametrize("path", ["/nowhere", "/jobs/7/elsewhere", "/admin", "/jobs/x", "/.git/config"])
def test_an_unknown_path_serves_nobody(guarded: Browser, path: str) -> None:
    found = {role: _status(guarded, role, "GET", path) for role in (None, *Role)}
    assert found == {None: 401, Role.VIEWER: 404, Role.OPERATOR: 404, Role.METRICS: 403}


def test_a_route_without_a_row_serves_nobody(guarded: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("qwenq.access.roles._COMPILED", ())
    for role in (Role.VIEWER, Role.OPERATOR):
        assert _status(guarded, role, "GET", "/jobs") == 404
    assert _status(guarded, Role.METRICS, "GET", "/metrics") == 403


def test_an_upgrade_to_a_websocket_is_an_ordinary_request(guarded: Browser) -> None:
    upgrade = {
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Key": "x",
        "Sec-WebSocket-Version": "13",
    }
    assert guarded.get("/jobs", headers=upgrade).status_code == 401
    allowed = guarded.get("/jobs", headers=upgrade, auth=("vera", "viewers-password"))
    assert allowed.status_code == 200


def test_a_viewers_page_has_no_buttons_and_an_operators_page_has_them(
    guarded: Browser, watched: Settings
) -> None:
    from qwenq.store.database.store import Store
    from tests.builders import make_job

    with Store.of(watched) as store:
        job_id = make_job(store)
    pages = {
        role: requests.get(f"{guarded.url}/jobs/{job_id}", timeout=30, **CREDENTIALS[role]).text  # type: ignore[arg-type]
        for role in (Role.VIEWER, Role.OPERATOR)
    }
    assert "<button" not in pages[Role.VIEWER].partition('<section id="summary"')[2]
    assert f'action="/jobs/{job_id}/cancel"' in pages[Role.OPERATOR]
    assert "you may look, but not act" in pages[Role.VIEWER]


def test_everybody_is_a_viewer_of_a_read_only_flower(watched: Settings) -> None:
    with running_monitor(watched, read_only=True) as browser:
        for role in (Role.VIEWER, Role.OPERATOR, Role.METRICS):
            assert _status(browser, role, "POST", "/jobs/7/cancel") == 403
        assert _status(browser, Role.OPERATOR, "GET", "/jobs") == 200
        assert _status(browser, Role.METRICS, "GET", "/metrics") == 200
