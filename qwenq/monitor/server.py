"""The HTTP server of Flower: bounded memory and time for each connection, and a bounded number of them."""

from collections import Counter
from collections.abc import Callable
from typing import Any

from tornado.httpserver import HTTPServer
from tornado.iostream import IOStream

MOST_BODY_BYTES = 1024**2
MOST_HEADER_BYTES = 16 * 1024
MOST_BUFFERED_BYTES = 2 * MOST_BODY_BYTES
READ_BYTES = 16 * 1024
"""At once, for each connection: what is read stays in memory until the connection's garbage is collected."""
BODY_SECONDS = 30.0
IDLE_SECONDS = 60.0
"""For the headers of the next request."""
MOST_CONNECTIONS = 500
MOST_OF_ADDRESS = 250
"""So that one address cannot take all connections. A proxy that is trusted may."""

LIMITS: dict[str, Any] = {
    "chunk_size": READ_BYTES,
    "max_body_size": MOST_BODY_BYTES,
    "max_header_size": MOST_HEADER_BYTES,
    "max_buffer_size": MOST_BUFFERED_BYTES,
    "body_timeout": BODY_SECONDS,
    "idle_connection_timeout": IDLE_SECONDS,
}


class BoundedServer(HTTPServer):
    """Closes connections beyond the limits at once. `is_trusted` says that an address is a trusted proxy's."""

    def initialize(  # type: ignore[override]  # Tornado calls it with what the constructor was given
        self, application: Any, is_trusted: Callable[[str], bool], ssl_options: Any
    ) -> None:
        """Set the limits."""
        super().initialize(application, ssl_options=ssl_options, **LIMITS)
        self._is_trusted = is_trusted
        self._by_address: Counter[str] = Counter()

    def handle_stream(self, stream: IOStream, address: Any) -> None:
        """Serve a connection, or close it if there are too many."""
        peer = _peer(address)
        full = self._by_address.total() >= MOST_CONNECTIONS
        greedy = self._by_address[peer] >= MOST_OF_ADDRESS and bool(peer) and not self._is_trusted(peer)
        if full or greedy:
            stream.close()
            return
        self._by_address[peer] += 1
        super().handle_stream(stream, address)

    def on_close(self, server_conn: Any) -> None:
        """Forget a closed connection."""
        super().on_close(server_conn)
        self._by_address[_peer(server_conn.context.address)] -= 1
        self._by_address += Counter()  # drops addresses without a connection


def _peer(address: Any) -> str:
    """The peer's address; empty at a Unix socket."""
    return str(address[0]) if isinstance(address, tuple) else ""
