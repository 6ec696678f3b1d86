"""TCP proxies before a server's Unix socket. Their connections can be cut, held, slowed or stranded."""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

PIECE_BYTES = 65_536
SLOW_SECONDS = 0.2
"""The delay of a slow link, in each direction."""


class Network:
    """The links of one run, served by one thread. They listen on free ports of loopback."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="network", daemon=True)
        self._links: list[Link] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for link in self._links:
            self._run(link.close)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def link(self, socket: Path) -> "Link":
        """Make a link to the server that listens on this socket, now or later."""
        link = Link(self._loop, socket)
        self._run(link.open)
        self._links.append(link)
        return link

    def _run(self, step: Callable[[], Coroutine[None, None, None]]) -> None:
        asyncio.run_coroutine_threadsafe(step(), self._loop).result(10)


class Link:
    """One link to a server. Thread-safe."""

    def __init__(self, loop: asyncio.AbstractEventLoop, socket: Path) -> None:
        self._loop = loop
        self._socket = socket
        self._server: asyncio.Server | None = None
        self._state = _Passage()
        self._connections: dict[asyncio.Task[None], _Connection] = {}
        self.port = 0

    def cut(self) -> None:
        """End all connections, and refuse new ones until `heal`."""
        self._loop.call_soon_threadsafe(self._cut)

    def hold(self) -> None:
        """Hold all bytes in both directions until `heal`, as if a cable were pulled out."""
        self._loop.call_soon_threadsafe(self._state.flows.clear)

    def slow_down(self, seconds: float) -> None:
        """Delay all bytes until `heal`."""
        self._loop.call_soon_threadsafe(setattr, self._state, "delay_seconds", seconds)

    def strand(self) -> None:
        """Drop everything on the present connections for good, even their end. New connections work."""
        self._loop.call_soon_threadsafe(self._strand)

    def heal(self) -> None:
        """Pass everything again; held bytes arrive now."""
        self._loop.call_soon_threadsafe(self._heal)

    async def open(self) -> None:
        """Listen."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Stop listening and end all connections."""
        assert self._server is not None
        self._server.close()
        tasks = tuple(self._connections)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._server.wait_closed()

    def _cut(self) -> None:
        self._state.refuses = True
        for connection in self._connections.values():
            connection.abort()

    def _strand(self) -> None:
        gone, self._state = self._state, _Passage()
        gone.flows.clear()

    def _heal(self) -> None:
        self._state.refuses = False
        self._state.delay_seconds = 0.0
        self._state.flows.set()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        connection = self._connections[task] = _Connection(self._state, writer)
        try:
            if not self._state.refuses:
                await connection.serve(reader, self._socket)
        except (OSError, asyncio.CancelledError):
            pass  # either side is gone, or this link is
        finally:
            del self._connections[task]
            connection.abort()


class _Passage:
    """How bytes pass through some connections."""

    def __init__(self) -> None:
        self.refuses = False
        self.delay_seconds = 0.0
        self.flows = asyncio.Event()
        self.flows.set()


class _Connection:
    """A client's connection and its counterpart to the server."""

    def __init__(self, passage: _Passage, client: asyncio.StreamWriter) -> None:
        self._passage = passage
        self._writers = [client]

    async def serve(self, reader: asyncio.StreamReader, socket: Path) -> None:
        """Carry bytes both ways until either side ends."""
        await self._passage.flows.wait()
        server_reader, server = await asyncio.open_unix_connection(str(socket))
        self._writers.append(server)
        await asyncio.gather(self._carry(reader, server), self._carry(server_reader, self._writers[0]))

    def abort(self) -> None:
        """End both sides at once."""
        for writer in self._writers:
            writer.transport.abort()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(PIECE_BYTES):
                await self._passage.flows.wait()
                if self._passage.delay_seconds:
                    await asyncio.sleep(self._passage.delay_seconds)
                writer.write(data)
                await writer.drain()
        await self._passage.flows.wait()
        self.abort()
