"""A Flower without users: the owner's token opens it, and nothing else does."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from qwenq.access.owner_token import FILE, kept_address
from qwenq.schemas.settings import Settings
from tests.commands import qwenq_here
from tests.monitors import Browser, running_monitor

NOBODY = 65_534


@pytest.fixture(scope="module")
def watched(home: Path) -> Settings:
    """One kind of store is enough: these tests do not depend on it."""
    return Settings(home=home, database_url=f"sqlite:///{home / 'none.db'}")


@pytest.fixture(scope="module")
def flower(watched: Settings) -> Iterator[Browser]:
    with running_monitor(watched) as browser:
        yield browser


def _ask(flower: Browser, path: str, **given: object) -> requests.Response:
    """Request a path without the session's token."""
    return requests.get(flower.url + path, allow_redirects=False, timeout=30, **given)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "path", ["/jobs", "/metrics", "/healthcheck", "/static/favicon.ico", "/nowhere", "/"]
)
def test_a_request_without_the_token_is_refused_with_the_way_to_find_it(flower: Browser, path: str) -> None:
    refused = _ask(flower, path)
    assert refused.status_code == 401
    assert "qwenq flower --url" in refused.text
    assert str(flower.token) not in refused.text + json.dumps(dict(refused.headers))


def test_the_token_in_an_address_becomes_a_cookie_and_leaves_the_address(flower: Browser) -> None:
    opened = _ask(flower, f"/jobs?state=queued&token={flower.token}&name=x")
    assert (opened.status_code, opened.headers["Location"]) == (303, "/jobs?state=queued&name=x")
    cookie = opened.headers["Set-Cookie"]
    assert {"HttpOnly", "Path=/", "SameSite=Strict"} <= {part.strip() for part in cookie.split(";")}
    assert "Secure" not in cookie
    assert opened.headers["Cache-Control"] == "no-store"
    with requests.Session() as browser:
        shown = browser.get(f"{flower.url}/workers?token={flower.token}", timeout=30)
        assert (shown.url, shown.status_code) == (f"{flower.url}/workers", 200)
        assert browser.get(f"{flower.url}/api/workers", timeout=30).status_code == 200


def test_the_token_in_an_address_redirects_to_no_other_host(flower: Browser) -> None:
    prepared = requests.Request("GET", flower.url).prepare()
    for path in ("//evil.example/jobs", "/\\evil.example", "///evil.example"):
        prepared.url = f"{flower.url}{path}?token={flower.token}"
        with requests.Session() as browser:
            answer = browser.send(prepared, allow_redirects=False, timeout=30)
        assert answer.headers["Location"].startswith(("/evil.example", "/%5Cevil.example")), path


@pytest.mark.parametrize("wrong", ["", "x", "0" * 43, "%00", "é"])
def test_a_wrong_token_opens_nothing(flower: Browser, wrong: str) -> None:
    assert _ask(flower, f"/jobs?token={wrong}").status_code == 401
    assert _ask(flower, "/jobs", headers={"Authorization": f"Bearer {wrong}".encode()}).status_code in {
        401,
        429,
    }
    port = flower.url.rpartition(":")[2]
    assert (
        _ask(flower, "/jobs", headers={"Cookie": f"qwenq_token_{port}={wrong}".encode()}).status_code == 401
    )


def test_the_owner_gets_in_while_another_user_of_the_machine_guesses(flower: Browser) -> None:
    for number in range(20):
        _ask(flower, "/jobs", headers={"Authorization": f"Bearer guess-{number}"})
        _ask(flower, f"/jobs?token=guess-{number}")
    assert _ask(flower, "/jobs", headers={"Authorization": "Bearer guess"}).status_code == 429
    assert flower.get("/workers").status_code == 200


def test_a_post_needs_the_token_even_with_a_form_token(flower: Browser) -> None:
    port = flower.url.rpartition(":")[2]
    page = requests.get(
        f"{flower.url}/workers", headers={"Cookie": f"qwenq_token_{port}={flower.token}"}, timeout=30
    )
    form = page.cookies["_xsrf"]
    refused = requests.post(
        f"{flower.url}/jobs/1/cancel", data={"_xsrf": form}, cookies={"_xsrf": form}, timeout=30
    )
    assert refused.status_code == 401


def test_a_metrics_token_opens_metrics_beside_the_owner(watched: Settings) -> None:
    from pydantic import SecretStr

    with running_monitor(watched.model_copy(update={"metrics_token": SecretStr("prometheus")})) as browser:
        scraper = {"Authorization": "Bearer prometheus"}
        assert _ask(browser, "/metrics", headers=scraper).status_code == 200
        assert _ask(browser, "/jobs", headers=scraper).status_code == 403
        assert browser.get("/jobs").status_code != 401


def test_the_command_prints_the_address_that_is_kept(
    tmp_path: Path, flower: Browser, watched: Settings
) -> None:
    home = {"QWENQ_HOME": str(watched.home)}
    printed = qwenq_here("flower", "--url", cwd=tmp_path, env=home)
    assert (printed.returncode, printed.stdout.strip()) == (0, kept_address(watched.home))
    assert flower.token is not None
    assert flower.token in printed.stdout
    refused = qwenq_here("flower", "--url", cwd=tmp_path)
    assert (refused.returncode, "Start one with `qwenq flower`" in refused.stderr) == (2, True)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_another_user_of_the_machine_reads_neither_page_nor_token(flower: Browser, watched: Settings) -> None:
    program = (
        "import os, sys, urllib.request, urllib.error\n"
        "'loaded while its file can be read'.encode('idna')\n"
        f"os.setgroups([]); os.setgid({NOBODY}); os.setuid({NOBODY})\n"
        "try:\n"
        "    print(urllib.request.urlopen(sys.argv[1], timeout=30).status)\n"
        "except urllib.error.HTTPError as refused:\n"
        "    print(refused.code)\n"
        "try:\n"
        "    print(open(sys.argv[2]).read())\n"
        "except PermissionError:\n"
        "    print('closed')\n"
    )
    watched.home.chmod(0o755)
    ran = subprocess.run(
        [sys.executable, "-I", "-c", program, f"{flower.url}/jobs", str(watched.home / FILE)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.stdout.split() == ["401", "closed"], ran.stderr
