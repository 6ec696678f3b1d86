"""The service on a real socket, in a thread of this process."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import uvicorn

from qwenq.server.listening.serving import Serving, process_config
from tests.integration.server.conftest import Desk
from tests.waiting import eventually

SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Listening:
    """A server in a thread."""

    port: int
    server: uvicorn.Server

    def connect(self) -> socket.socket:
        """A new connection."""
        return socket.create_connection(("127.0.0.1", self.port), SECONDS)

    def ask(self, request: bytes) -> bytes:
        """Send bytes, and read until the server closes the connection."""
        with self.connect() as connection:
            connection.sendall(request)
            return read_all(connection)

    def wait_until_idle(self) -> None:
        """Wait until no connection is left."""
        eventually(lambda: not self.server.server_state.connections, "all connections are closed")


@contextmanager
def listening(desk: Desk, serving: Serving) -> Iterator[Listening]:
    """Serve a desk's application."""
    server = uvicorn.Server(process_config(desk.application, serving))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=lambda: asyncio.run(server.serve([listener])))
        thread.start()
        try:
            yield Listening(listener.getsockname()[1], server)
        finally:
            server.should_exit = True
            thread.join(SECONDS)


def read_all(connection: socket.socket) -> bytes:
    """Read until the server closes the connection, in whatever way."""
    found = b""
    try:
        while piece := connection.recv(65_536):
            found += piece
    except ConnectionResetError:
        pass
    return found
