"""Bodies of requests that arrive too slowly are refused."""

import asyncio
import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from qwenq.server.refusals import Refused

FREE_SECONDS = 60.0
LEAST_BYTES_A_SECOND = 4_096
"""A body may take this long, and a second more for so many bytes."""


class SlowBodies:
    """Counts how long each request waits for its body. What the server itself needs to store it does not count."""

    def __init__(self, application: ASGIApp) -> None:
        self._application = application

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request. Reading its body raises Refused when that takes too long."""
        if scope["type"] != "http":
            await self._application(scope, receive, send)
            return
        waited, size, is_whole = 0.0, 0, False

        async def bounded() -> Message:
            nonlocal waited, size, is_whole
            if is_whole:  # what comes next is that the client has gone
                return await receive()
            began = time.monotonic()
            try:
                async with asyncio.timeout(FREE_SECONDS + size / LEAST_BYTES_A_SECOND - waited):
                    message = await receive()
            except TimeoutError:
                raise Refused(408, "The body of the request arrived too slowly.") from None
            waited += time.monotonic() - began
            size += len(message.get("body", b""))
            is_whole = not message.get("more_body", False)
            return message

        await self._application(scope, bounded, send)
