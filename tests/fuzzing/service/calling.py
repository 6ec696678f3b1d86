"""Make a call of the application in this process, without a network."""

import asyncio
import time
from dataclasses import dataclass, field
from typing import Any

from fastapi import FastAPI
from starlette.types import Message

from tests.fuzzing.service.drawn_calls import Call

MOST_SECONDS = 30.0


@dataclass(slots=True)
class Answer:
    """What came back; `status` 0: nothing. `route` is the path of the route that answered, such as `/v1/files/{id}`."""

    status: int = 0
    route: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    seconds: float = 0.0


async def answer_to(application: FastAPI, call: Call) -> Answer:
    """The application's answer. Raises TimeoutError if it takes too long, and whatever the application lets through."""
    answer, began = Answer(), time.perf_counter()
    pieces = [*call.pieces[:-1]] if call.is_broken_off else [*call.pieces]

    async def receive() -> Message:
        if not pieces:
            return {"type": "http.disconnect"}
        more = call.is_broken_off or len(pieces) > 1
        return {"type": "http.request", "body": pieces.pop(0), "more_body": more}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            answer.status = message["status"]
            answer.headers = {
                name.decode("latin-1"): value.decode("latin-1") for name, value in message["headers"]
            }
        else:
            answer.body += message.get("body", b"")

    scope = _scope(call)
    await asyncio.wait_for(application(scope, receive, send), MOST_SECONDS)
    answer.seconds = time.perf_counter() - began
    answer.route = getattr(scope.get("route"), "path", "")
    return answer


def _scope(call: Call) -> dict[str, Any]:
    from urllib.parse import unquote

    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": call.method,
        "scheme": "http",
        "path": unquote(call.path.decode("latin-1")),
        "raw_path": call.path,
        "query_string": call.query,
        "root_path": "",
        "headers": list(call.headers),
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 8_000),
        "state": {},
    }
