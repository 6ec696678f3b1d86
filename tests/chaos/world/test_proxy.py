"""A link passes bytes both ways, unless it is cut, held, slowed or stranded."""

import socket
import socketserver
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos.world.proxy import Link, Network

PATIENCE = 10.0


class _Server(socketserver.ThreadingUnixStreamServer):
    """Echoes bytes, and counts its connections."""

    daemon_threads = True

    def __init__(self, path: Path) -> None:
        self.ended = threading.Event()
        super().__init__(str(path), _Handler)


class _Handler(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        while data := self.request.recv(1_000):
            self.request.sendall(data)
        assert isinstance(self.server, _Server)
        self.server.ended.set()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[_Server]:
    """An echo server on a socket."""
    with _Server(tmp_path / "server.sock") as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def link(server: _Server, tmp_path: Path) -> Iterator[Link]:
    """A link to it."""
    with Network() as network:
        yield network.link(tmp_path / "server.sock")


def connect(link: Link) -> socket.socket:
    client = socket.create_connection(("127.0.0.1", link.port), PATIENCE)
    client.settimeout(PATIENCE)
    return client


def answers(client: socket.socket, said: bytes = b"hello") -> bool:
    """Whether sent bytes come back."""
    client.sendall(said)
    return client.recv(1_000) == said


def is_silent(client: socket.socket, seconds: float = 0.2) -> bool:
    client.settimeout(seconds)
    try:
        client.recv(1_000)
    except TimeoutError:
        return True
    finally:
        client.settimeout(PATIENCE)
    return False


def test_a_cut_ends_connections_and_refuses_new_ones_until_it_is_healed(link: Link) -> None:
    with connect(link) as client, connect(link) as beside:
        assert answers(client)
        assert answers(beside)
        link.cut()
        assert ends(client)
        assert ends(beside)
        with connect(link) as refused:
            assert ends(refused)
        link.heal()
        with connect(link) as again:
            assert answers(again)


def ends(client: socket.socket) -> bool:
    try:
        client.sendall(b"hello")
        return client.recv(1_000) == b""
    except ConnectionError:
        return True


def test_held_bytes_arrive_once_the_link_is_healed(link: Link) -> None:
    with connect(link) as client:
        assert answers(client)
        link.hold()
        client.sendall(b"held")
        assert is_silent(client)
        with connect(link) as new:
            new.sendall(b"new")
            assert is_silent(new)
            link.heal()
            assert (client.recv(1_000), new.recv(1_000)) == (b"held", b"new")


def test_a_slow_link_takes_its_time_in_both_directions(link: Link) -> None:
    with connect(link) as client:
        assert answers(client)
        link.slow_down(0.1)
        began = time.monotonic()
        assert answers(client)
        assert time.monotonic() - began >= 0.2


def test_the_server_does_not_see_a_stranded_connection_end(link: Link, server: _Server) -> None:
    with connect(link) as client:
        assert answers(client)
        link.strand()
        client.sendall(b"lost")
        assert is_silent(client)
    with connect(link) as new:
        assert answers(new)
        link.heal()
        assert not server.ended.wait(0.2)
    assert server.ended.wait(PATIENCE)
