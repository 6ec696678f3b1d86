"""Connections of clients that are slow, silent, or send no HTTP: each is bounded in time and memory."""

import asyncio
import http
import json
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

MOST_HEAD_BYTES = 64 * 1024
"""Of a request's first line with its headers."""
HEAD_SECONDS = 20.0
"""How long these may take, and how long a new connection may be silent."""
REST_SECONDS = 60.0
"""How long the rest of a body may take that nobody wants: the request was refused before."""
STALL_SECONDS = 120.0
"""How long a client may read nothing of a response."""
IDLE_SECONDS = 65.0
"""How long a connection is kept between two requests: longer than clients keep it, so that they end it."""


class BoundedConnection(H11Protocol):
    """Closes a connection whose client takes too long. `SlowBodies` bounds the time of a body that is read."""

    _waiting: asyncio.TimerHandle | None = None
    _stalling: asyncio.TimerHandle | None = None
    _waits_for: object = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for the head of a request."""
        super().connection_made(transport)
        self._bound()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the timers."""
        self._wait_for(None, 0.0)
        self.resume_writing()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take what arrived."""
        super().data_received(data)
        self._bound()

    def on_response_complete(self) -> None:
        """Go on with the next request, once the rest of this one's body is there."""
        super().on_response_complete()
        self._bound()

    def pause_writing(self) -> None:
        """Begin to wait for a client that reads nothing."""
        super().pause_writing()
        self._stalling = self.loop.call_later(STALL_SECONDS, self.transport.abort)

    def resume_writing(self) -> None:
        """It reads again."""
        super().resume_writing()
        if self._stalling is not None:
            self._stalling.cancel()
            self._stalling = None

    def send_400_response(self, msg: str) -> None:
        """Refuse what is not HTTP, in OpenAI's shape."""
        is_long = len(self.conn.trailing_data[0]) > MOST_HEAD_BYTES
        status = http.HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE if is_long else http.HTTPStatus.BAD_REQUEST
        message = f"The headers are longer than {MOST_HEAD_BYTES:,} bytes." if is_long else msg
        error: dict[str, Any] = {
            "message": message,
            "type": "invalid_request_error",
            "param": None,
            "code": None,
        }
        body = json.dumps({"error": error}).encode()
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
            (b"connection", b"close"),
        ]
        try:
            head = self.conn.send(
                h11.Response(status_code=status, headers=headers, reason=status.phrase.encode())
            )
            self.transport.write((head or b"") + body)
        except h11.LocalProtocolError:  # a response has begun
            self.transport.abort()
        self.transport.close()

    def _bound(self) -> None:
        """Have one timer for what the client owes."""
        theirs, ours = self.conn.their_state, self.conn.our_state
        if theirs is h11.IDLE:
            # Between two requests, uvicorn has a timer until the first byte.
            if self.timeout_keep_alive_task is None:
                self._wait_for("head", HEAD_SECONDS)
        elif theirs is h11.SEND_BODY and ours in {h11.DONE, h11.MUST_CLOSE}:
            self._wait_for("rest", REST_SECONDS)
        else:
            self._wait_for(None, 0.0)

    def _wait_for(self, what: str | None, seconds: float) -> None:
        """Close the connection unless what is waited for comes in time; the time does not begin anew."""
        if what == self._waits_for:
            return
        self._waits_for = what
        if self._waiting is not None:
            self._waiting.cancel()
        self._waiting = None if what is None else self.loop.call_later(seconds, self.transport.abort)
