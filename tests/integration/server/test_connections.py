"""Connections that are slow, silent, endless or no HTTP end soon, and good ones go on beside them."""

import json
import time
from collections.abc import Iterator

import pytest

from qwenq.server.listening import connections, slow_bodies
from qwenq.server.listening.serving import Serving
from tests.integration.server.conftest import Desk
from tests.integration.server.listening import Listening, listening, read_all
from tests.integration.server.test_refusals import check_nothing_is_left
from tests.waiting import eventually

SHORT = 0.3
GET = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n"
POST = (
    b"POST /v1/%s HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: multipart/form-data; boundary=b\r\n"
    b"Content-Length: %d\r\n\r\n"
)
FORM = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.jsonl"\r\n\r\n{'


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """All times are short."""
    for name in ("HEAD_SECONDS", "REST_SECONDS", "STALL_SECONDS"):
        monkeypatch.setattr(connections, name, SHORT)
    monkeypatch.setattr(slow_bodies, "FREE_SECONDS", SHORT)


@pytest.fixture
def served(sqlite_desk: Desk) -> Iterator[Listening]:
    with listening(sqlite_desk, Serving("127.0.0.1", 0)) as served:
        yield served


def status_of(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


@pytest.mark.parametrize("begun", [b"", b"GET /heal", GET], ids=["silent", "half a line", "half a head"])
@pytest.mark.usefixtures("short")
def test_a_connection_that_brings_no_request_is_closed(served: Listening, begun: bytes) -> None:
    assert served.ask(begun) == b""


@pytest.mark.usefixtures("short")
def test_a_head_that_trickles_is_closed_between_two_requests_too(served: Listening) -> None:
    with served.connect() as connection:
        connection.sendall(GET + b"\r\n")
        assert status_of(connection.recv(65_536)) == 200
        with pytest.raises(ConnectionError):
            while True:
                connection.sendall(b"G")
                time.sleep(SHORT / 10)


@pytest.mark.parametrize("route", [b"files", b"batches"])
@pytest.mark.usefixtures("short")
def test_a_body_that_does_not_come_is_refused_and_leaves_nothing(
    served: Listening, sqlite_desk: Desk, route: bytes
) -> None:
    answer = served.ask(POST % (route, 1_000_000) + FORM)
    assert status_of(answer) == 408
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["error"]["type"] == "invalid_request_error"
    check_nothing_is_left(sqlite_desk)


def test_an_upload_that_breaks_off_leaves_nothing(served: Listening, sqlite_desk: Desk) -> None:
    with served.connect() as connection:
        connection.sendall(POST % (b"files", 1_000_000) + FORM)
        coming = sqlite_desk.settings.home / "files" / "coming"
        eventually(lambda: coming.exists() and list(coming.iterdir()), "it comes")
    served.wait_until_idle()
    check_nothing_is_left(sqlite_desk)


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (GET + b"X: " + b"x" * 200_000, 431),
        (GET + b"X: y\r\n" * 40_000, 431),
        (b"G" * 200_000, 431),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 no HTTP\r\n\r\n", 400),
        (GET + b"Content-Length: x\r\n\r\n", 400),
        (b"POST /v1/batches HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n", 400),
    ],
    ids=["a header without end", "headers without end", "a line without end", "TLS", "no length", "no chunk"],
)
def test_what_is_no_request_is_refused_in_the_shape_of_openai(
    served: Listening, request_bytes: bytes, status: int
) -> None:
    with served.connect() as connection:
        try:
            connection.sendall(request_bytes)
        except ConnectionError:
            pytest.skip("the system lost the answer")
        answer = read_all(connection)
    assert status_of(answer) == status
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["error"]["message"]


def test_a_body_of_a_gigabyte_is_refused_while_it_comes(served: Listening) -> None:
    """A client that sends all of it before it reads still finds the answer."""
    size, piece = 1 << 30, b"x" * (1 << 20)
    with served.connect() as connection:
        connection.sendall(POST % (b"batches", size))
        for _ in range(size // len(piece)):
            connection.sendall(piece)
        assert status_of(connection.recv(65_536)) == 413
        connection.sendall(GET + b"\r\n")
        assert status_of(connection.recv(65_536)) == 200


@pytest.mark.usefixtures("short")
def test_a_client_that_reads_nothing_is_left(served: Listening, sqlite_desk: Desk) -> None:
    file_id = sqlite_desk.upload(b"x" * 20_000_000, purpose="user_data")
    with served.connect() as connection:
        connection.sendall(b"GET /v1/files/%s/content HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" % file_id.encode())
        assert connection.recv(1)
        served.wait_until_idle()
        assert len(read_all(connection)) < 20_000_000
