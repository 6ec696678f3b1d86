"""A request's id, and a line about it in the log: never its content."""

import logging
import re
import secrets
import time
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

_GIVEN = re.compile(rb"[A-Za-z0-9._:-]{1,128}")
_log = logging.getLogger("qwenq.server")


class RequestsLog:
    """Gives each request an id, or keeps the one that it came with, and logs its outcome."""

    def __init__(self, application: ASGIApp) -> None:
        self._application = application

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request."""
        if scope["type"] != "http":
            await self._application(scope, receive, send)
            return
        given = dict(scope["headers"]).get(b"x-request-id", b"")
        request_id = given.decode() if _GIVEN.fullmatch(given) else f"req_{secrets.token_hex(12)}"
        state = scope.setdefault("state", {})
        state["request_id"] = request_id
        began, status = time.monotonic(), 0

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                more = {"x-request-id": request_id, **state.get("headers", {})}
                message["headers"] = [
                    *message["headers"],
                    *((name.encode(), value.encode()) for name, value in more.items()),
                ]
            await send(message)

        try:
            await self._application(scope, receive, sending)
        finally:
            _log.info("request", extra=_facts(scope, request_id, status, time.monotonic() - began))


def _facts(scope: Scope, request_id: str, status: int, seconds: float) -> dict[str, Any]:
    state = scope.get("state", {})
    # The route, not the path: whatever a client writes there would get into the log.
    route = getattr(scope.get("route"), "path", "unknown")
    return {
        "request": request_id,
        "tenant": state.get("tenant", "-"),
        "key": state.get("who", "-"),
        "action": f"{scope['method']} {route}",
        "object": state.get("object", "-"),
        "status": status,
        "milliseconds": round(seconds * 1_000, 1),
    }
