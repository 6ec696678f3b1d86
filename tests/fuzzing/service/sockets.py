"""Send a real server what is not HTTP, or ends too early, and see whether it still serves others."""

import random
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import uvicorn
from fastapi import FastAPI

from tests.fuzzing.service import hostile_values

_HEAD = b"POST /v1/files HTTP/1.1\r\nHost: 127.0.0.1:8000\r\n"
_FORM = b"Content-Type: multipart/form-data; boundary=b\r\n"
_GOOD = b"GET /v1/models HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
_SECONDS = 20.0
BROKEN = (
    b"",
    b"\r\n" * 1_000,
    b"\0" * 5_000,
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"GET\r\n\r\n",
    b"GET /v1/files HTTP/9.9\r\n\r\n",
    b"GET " + b"/a" * 100_000 + b" HTTP/1.1\r\n\r\n",
    b"GET /v1/files HTTP/1.1\r\n" + b"X: y\r\n" * 100_000,
    b"GET /v1/files HTTP/1.1\r\nX: " + b"y" * 1_000_000,
    b"GET /v1/files HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    b"GET /v1/files HTTP/1.1\r\n\r\n",
    b"GET /v1/files HTTP/1.1\nHost: 127.0.0.1\n\n",
    b"GET /v1/files\x00 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    b"GET /v1/fi\xff\xfe HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    _HEAD + b"Content-Length: 1000000\r\n" + _FORM + b"\r\n--b\r\n",
    _HEAD + b"Content-Length: -1\r\n\r\n",
    _HEAD + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    _HEAD + b"Content-Length: 99999999999999999999999\r\n\r\n",
    _HEAD + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    _HEAD + b"Transfer-Encoding: chunked\r\n" + _FORM + b"\r\nffffffffffffffff\r\nabc",
    _HEAD + b"Transfer-Encoding: chunked\r\n" + _FORM + b"\r\nzz\r\nabc\r\n0\r\n\r\n",
    _HEAD + b"Transfer-Encoding: chunked, gzip\r\n\r\n",
    _HEAD + b"Expect: 100-continue\r\nContent-Length: 5\r\n" + _FORM + b"\r\n--b--",
    _HEAD + b"Upgrade: websocket\r\nConnection: upgrade\r\nSec-WebSocket-Key: a\r\n\r\n",
    b"POST /v1/batches HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 2\r\n\r\n{}" * 50,
)


@contextmanager
def listening(application: FastAPI) -> Iterator[int]:
    """Serve the application in a thread. Yields its port."""
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(application, log_config=None, access_log=False, timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        server.should_exit = True
        thread.join(_SECONDS)


def check_broken(port: int, data: bytes) -> bytes:
    """Send the bytes, and end. Returns the answer, which is no 5xx, and comes in time. Others are still served."""
    with socket.create_connection(("127.0.0.1", port), _SECONDS) as connection:
        with suppress(OSError):  # the server may refuse it before its end
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
        answer = _read(connection)
    assert not answer.startswith(b"HTTP/1.1 5"), (data[:200], answer[:500])
    check_serves(port)
    return answer


def check_serves(port: int) -> None:
    """Check that a good request is answered."""
    with socket.create_connection(("127.0.0.1", port), _SECONDS) as connection:
        connection.sendall(_GOOD)
        answer = _read(connection)
    assert answer.startswith(b"HTTP/1.1 200 "), answer[:500]


def drawn_broken(seed: int) -> bytes:
    """Some broken HTTP, damaged once more."""
    drawn = random.Random(seed)
    return hostile_values.damaged(drawn, drawn.choice(BROKEN)[:100_000])


def _read(connection: socket.socket) -> bytes:
    pieces = []
    with suppress(ConnectionError):
        while piece := connection.recv(65_536):
            pieces.append(piece)
    return b"".join(pieces)
