"""Posts go to permitted addresses only, and end in time however a receiver behaves."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest

from qwenq.notices import posting
from qwenq.notices.posting import may_be, post

HERE = ("127.0.0.1",)


@contextmanager
def receiver(respond: Callable[[socket.socket], None]) -> Iterator[tuple[str, list[socket.socket]]]:
    """A server that calls `respond` with each connection. Gives its URL, and the connections so far."""
    connections: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            with suppress(OSError):
                while True:
                    connection, _ = listening.accept()
                    connections.append(connection)
                    threading.Thread(target=answer, args=(connection,), daemon=True).start()

        def answer(connection: socket.socket) -> None:
            with connection, suppress(OSError):
                respond(connection)

        threading.Thread(target=serve, daemon=True).start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/a-token?key=a-key", connections


def drip(connection: socket.socket) -> None:
    """Send a header that never ends, a byte at a time."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nx: ")
    while True:
        connection.sendall(b"y")
        time.sleep(0.05)


def stay_silent(connection: socket.socket) -> None:
    """Take everything, and send nothing."""
    while connection.recv(65_536):
        pass


@pytest.mark.parametrize(
    ("scheme", "respond"), [("http", drip), ("http", stay_silent), ("https", stay_silent)]
)
def test_a_slow_receiver_is_left_in_time_and_its_thread_ends(
    scheme: str, respond: Callable[[socket.socket], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(posting, "ANSWER_SECONDS", 1.0)
    with receiver(respond) as (url, _):
        began = time.monotonic()
        reason = post(url.replace("http", scheme, 1), b"{}", {}, HERE)
        assert reason == "it did not respond within 1 s"
        assert time.monotonic() - began < 20
    ends = time.monotonic() + 60
    while any(thread.name == "webhook" for thread in threading.enumerate()):
        assert time.monotonic() < ends
        time.sleep(0.05)


def test_a_redirect_is_not_followed() -> None:
    def redirect(connection: socket.socket) -> None:
        connection.recv(65_536)
        connection.sendall(b"HTTP/1.1 302 Found\r\nlocation: /elsewhere\r\ncontent-length: 0\r\n\r\n")

    with receiver(redirect) as (url, connections):
        assert post(url, b"{}", {}, HERE) == "it responded 302 Found"
        assert len(connections) == 1


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "0.0.0.0", "2130706433", "127.1"]
)
def test_a_private_address_is_refused_before_anything_connects(host: str) -> None:
    with receiver(drip) as (url, connections):
        reason = post(url.replace("127.0.0.1", host), b"{}", {}, ())
        assert reason is not None
        assert "QWENQ_WEBHOOK_HOSTS" in reason
        assert not {"a-token", "a-key"} & set(
            reason.replace("?", " ").replace("/", " ").replace("=", " ").split()
        )
        assert connections == []


def test_a_name_is_looked_up_once_and_its_address_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    lookups = 0

    def rebinding(_host: str, port: int, **_: object) -> list[object]:
        nonlocal lookups
        lookups += 1
        address = "127.0.0.1" if lookups % 2 else "93.184.216.34"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    with receiver(drip) as (url, connections):
        monkeypatch.setattr(socket, "getaddrinfo", rebinding)
        reason = post(url.replace("127.0.0.1", "rebinding.example"), b"{}", {}, ())
        assert "127.0.0.1 is not public" in (reason or "")
        assert (lookups, connections) == (1, [])


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("8.8.8.8", True), ("2606:4700:4700::1111", True), ("10.0.0.1", False), ("169.254.169.254", False),
        ("100.64.0.1", False), ("192.168.1.1", False), ("224.0.0.1", False), ("::1", False), ("fe80::1%eth0", False),
        ("fd00::1", False), ("::ffff:10.0.0.1", False), ("64:ff9b::7f00:1", False), ("2002:7f00:1::", False),
        ("64:ff9b::808:808", True), ("::", False), ("0.0.0.0", False), ("255.255.255.255", False),
    ],
)  # fmt: skip
def test_only_public_addresses_need_no_name(address: str, public: bool) -> None:
    assert may_be("host.example", address, ()) is public
    assert may_be("Host.Example.", address, ("other", "host.example"))
    assert may_be("host.example", address, (address,))


def test_a_private_address_behind_a_proxy_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with receiver(drip) as (url, connections):
        monkeypatch.setenv("http_proxy", url)
        monkeypatch.setenv("no_proxy", "")
        for host in ("169.254.169.254", "localhost"):
            reason = post(f"http://{host}:80/x", b"{}", {}, ())
            assert "QWENQ_WEBHOOK_HOSTS" in (reason or "")
        assert connections == []
