"""Connections that send without end."""

import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

BODY = b"POST /jobs/1/cancel HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100000000\r\n\r\n"
CHUNKED = b"POST /jobs HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n"
HEADERS = b"GET /jobs HTTP/1.1\r\nHost: 127.0.0.1\r\n"
LINE = b"GET /"
KINDS = (BODY, CHUNKED, HEADERS, LINE)
_PIECES = {
    BODY: b"x" * 65_536,
    CHUNKED: b"10000\r\n" + b"x" * 65_536 + b"\r\n",
    HEADERS: b"X-A: " + b"x" * 1_000 + b"\r\n",
}


@dataclass
class Flood:
    """What a flood has sent, in bytes, and how many connections it opened."""

    sent: int = 0
    connections: int = 0
    over: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def run(self, port: int, beginning: bytes) -> None:
        """Send until it is over. A connection that is closed is opened again."""
        piece = _PIECES.get(beginning, b"x" * 1_000)
        while not self.over.is_set():
            with (
                suppress(OSError, ssl.SSLError),
                socket.create_connection(("127.0.0.1", port), timeout=2) as stream,
            ):
                with self.lock:
                    self.connections += 1
                stream.sendall(beginning)
                while not self.over.is_set():
                    stream.sendall(piece)
                    with self.lock:
                        self.sent += len(piece)
                    time.sleep(0.001)
            time.sleep(0.01)


@contextmanager
def flooding(port: int, connections: int) -> Iterator[Flood]:
    """Flood a port of loopback over so many connections, with bodies and headers in turn."""
    flood = Flood()
    threads = [
        threading.Thread(target=flood.run, args=(port, KINDS[number % len(KINDS)]), daemon=True)
        for number in range(connections)
    ]
    for thread in threads:
        thread.start()
    try:
        yield flood
    finally:
        flood.over.set()
        for thread in threads:
            thread.join(30)
