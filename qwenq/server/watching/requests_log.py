"""A request's id, and a line about it in the log: never its content."""

import logging
import re
import secrets
import time
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from qwenq.server.watching.metrics import Metrics, Served

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_ID = re.compile(r"(?:file-|batch_|upload_|part_)[0-9a-z_]{1,64}")
_GIVEN = re.compile(rb"[A-Za-z0-9._:-]{1,128}")
_log = logging.getLogger("qwenq.server")


class RequestsLog:
    """Gives each request an id, or keeps the one that it came with; logs and counts its outcome."""

    def __init__(self, application: ASGIApp, metrics: Metrics) -> None:
        self._application = application
        self._metrics = metrics

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
            seconds = time.monotonic() - began
            _log.info("request", extra=_facts(scope, request_id, status, seconds))
            self._metrics.count(_served(scope, status, seconds))


def _served(scope: Scope, status: int, seconds: float) -> Served:
    state = scope.get("state", {})
    return Served(
        tenant=state.get("tenant", "-"),
        method=scope["method"] if scope["method"] in _METHODS else "OTHER",
        route=_route(scope),
        status=status,
        seconds=seconds,
        reason=state.get("reason", ""),
        uploaded_bytes=state.get("uploaded_bytes"),
    )


def _route(scope: Scope) -> str:
    # The route, not the path: whatever a client writes there would get into the log.
    return str(getattr(scope.get("route"), "path", "unknown"))


def _object(scope: Scope) -> str:
    """The object of a request; of a refused one, what its path names, if that looks like an id of ours."""
    named = (str(value) for value in scope.get("path_params", {}).values())
    return str(scope["state"].get("object") or next(filter(_ID.fullmatch, named), "-"))


def _facts(scope: Scope, request_id: str, status: int, seconds: float) -> dict[str, Any]:
    state = scope.get("state", {})
    method = scope["method"] if scope["method"] in _METHODS else "OTHER"
    return {
        "request": request_id,
        "tenant": state.get("tenant", "-"),
        "key": state.get("who", "-"),
        "action": f"{method} {_route(scope)}",
        "object": _object(scope),
        "status": status,
        "reason": state.get("reason", "-") or "-",
        "sha256": state.get("sha256", "-"),
        "milliseconds": round(seconds * 1_000, 1),
    }
