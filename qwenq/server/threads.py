"""How many threads work for requests: few, because many would take the interpreter's lock from each other."""

from collections.abc import Callable
from functools import partial
from typing import TypeVar, TypeVarTuple

from anyio import CapacityLimiter
from anyio.to_thread import current_default_thread_limiter, run_sync
from starlette.types import ASGIApp, Receive, Scope, Send

ANSWERING = 6
"""Threads that ask the store. With 40, a hundred polling clients of a store in SQLite waited ten times as long."""
STORING = 40
"""Threads that wait for the storage of files, which may be far away."""

T = TypeVar("T")
Arguments = TypeVarTuple("Arguments")

_storing = CapacityLimiter(STORING)


class FewThreads:
    """Bounds the threads that answer requests of this process."""

    def __init__(self, application: ASGIApp) -> None:
        self._application = application

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request. The bound is that of the event loop, which is there with the first request only."""
        current_default_thread_limiter().total_tokens = ANSWERING
        await self._application(scope, receive, send)


async def in_storing_thread(function: Callable[[*Arguments], T], *arguments: *Arguments) -> T:
    """Run what waits for the storage of files, without a thread that answers. Raises what it raises."""
    return await run_sync(partial(function, *arguments), limiter=_storing)
