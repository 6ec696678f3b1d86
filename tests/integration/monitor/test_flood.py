"""Connections without credentials that send without end take no memory, and are bounded."""

import re
import socket
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import requests

from qwenq.monitor import server
from qwenq.schemas.settings import Settings
from tests.floods import flooding
from tests.monitors import Browser, running_monitor
from tests.processes import Fleet
from tests.waiting import eventually

CONNECTIONS = 24
MOST_BYTES = 30_000_000
ANN = ("ann", "a-long-password")


@pytest.fixture
def fleet(home: Path) -> Iterator[Fleet]:
    fleet = Fleet(Settings(home=home, database_url=f"sqlite:///{home / 'none.db'}"))
    yield fleet
    fleet.kill()


def test_connections_that_send_without_end_take_little_memory(fleet: Fleet) -> None:
    service = fleet.start("flower", "--port", "0", env={"QWENQ_FLOWER_AUTH": ":".join(ANN)})
    place = eventually(
        lambda: re.search(r"Flower at (http://[^/;\s]+)", service.log.read_text()), "Flower logs its address"
    )
    assert place
    port = int(place[1].rpartition(":")[2])
    assert requests.get(f"{place[1]}/healthcheck", auth=ANN, timeout=60).text == "OK"
    process = psutil.Process(service.pid)
    before = process.memory_info().rss
    most = before
    with flooding(port, CONNECTIONS) as flood:

        def enough() -> bool:
            nonlocal most
            most = max(most, process.memory_info().rss)
            return flood.sent > 20_000_000

        eventually(enough, "the flood has sent 20 MB")
        assert requests.get(f"{place[1]}/healthcheck", auth=ANN, timeout=60).text == "OK"
    assert most - before < MOST_BYTES
    assert flood.connections > CONNECTIONS, "refused connections are closed"


@pytest.fixture(scope="module")
def watched(home: Path) -> Settings:
    """No page is read: one kind of store is enough."""
    return Settings(home=home, database_url=f"sqlite:///{home / 'none.db'}")


def _port(browser: Browser) -> int:
    return int(browser.url.rpartition(":")[2])


def test_a_refused_request_is_answered_before_its_body_and_closed(watched: Settings) -> None:
    with (
        running_monitor(watched) as browser,
        socket.create_connection(("127.0.0.1", _port(browser))) as stream,
    ):
        stream.sendall(b"POST /jobs HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100000000\r\n\r\n")
        stream.settimeout(30)
        said = b""
        while piece := stream.recv(65_536):
            said += piece
    assert said.startswith(b"HTTP/1.1 401 ")


@pytest.mark.parametrize(
    "sent",
    [
        {"data": b"x" * (server.MOST_BODY_BYTES + 1)},
        {"headers": {"X-Long": "x" * server.MOST_HEADER_BYTES}},
    ],
    ids=["body", "header"],
)
def test_a_visitor_may_not_send_more_than_the_limits(watched: Settings, sent: dict[str, object]) -> None:
    with running_monitor(watched) as browser:
        try:
            answer = browser.ask("POST", "/tasks/datatable", **sent)
        except requests.RequestException:
            pass  # closed while it was sent
        else:
            assert answer.status_code in {400, 413, 431}
        assert browser.get("/healthcheck").text == "OK"


def test_a_connection_beyond_the_most_is_closed(watched: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "MOST_OF_ADDRESS", 3)
    with running_monitor(watched) as browser:
        held = [socket.create_connection(("127.0.0.1", _port(browser))) for _ in range(3)]
        with socket.create_connection(("127.0.0.1", _port(browser))) as beyond:
            beyond.settimeout(30)
            assert _is_closed(beyond)
        for one in held:
            one.close()
        eventually(lambda: _answers(browser), "closed connections make room")


def _answers(browser: Browser) -> bool:
    try:
        return browser.get("/healthcheck").text == "OK"
    except requests.ConnectionError:
        return False


def _is_closed(stream: socket.socket) -> bool:
    try:
        return stream.recv(1) == b""
    except ConnectionResetError:
        return True


def test_a_silent_connection_is_closed(watched: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(server.LIMITS, "idle_connection_timeout", 0.2)
    with (
        running_monitor(watched) as browser,
        socket.create_connection(("127.0.0.1", _port(browser))) as silent,
    ):
        silent.settimeout(30)
        silent.sendall(b"GET /jobs HTTP/1.1\r\n")
        assert _is_closed(silent)
