"""A `qwenq serve` process for a benchmark, and a lean client, so that little of the cores goes to the client."""

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from qwenq.embedded.service import Service
from qwenq.embedded.session import environment_of
from qwenq.schemas.settings import Settings

START_SECONDS = 60.0
STOP_SECONDS = 15.0
PIECE_BYTES = 1 << 16
CHAT = "/v1/chat/completions"
_PLACE = re.compile(r"listening at http://127\.0\.0\.1:(\d+)")
_BOUNDARY = b"a-boundary-of-the-benchmark"


@dataclass(frozen=True, slots=True)
class Served:
    """A running service: its port and its process."""

    port: int
    process: psutil.Process

    @property
    def memory_mb(self) -> float:
        """Its resident memory now."""
        return float(self.process.memory_info().rss) / 1e6

    @property
    def cpu_seconds(self) -> float:
        """What it has used of the cores."""
        used = self.process.cpu_times()
        return float(used.user + used.system)


@contextmanager
def served(settings: Settings, log: Path) -> Iterator[Served]:
    """Run `qwenq serve` on a free port."""
    started = len(log.read_text("utf-8")) if log.exists() else 0
    service = Service.of_qwenq("serve", ("serve", "--port", "0"), log, environment_of(settings))
    try:
        deadline = time.monotonic() + START_SECONDS
        while (found := _PLACE.search(log.read_text("utf-8"), started)) is None:
            if time.monotonic() > deadline:
                raise SystemExit(f"qwenq serve did not start:\n{log.read_text('utf-8')}")
            time.sleep(0.05)
        yield Served(int(found[1]), psutil.Process(service.pid))
    finally:
        service.ask_to_stop()
        service.wait_until_stopped(STOP_SECONDS)


class Client:
    """One connection that is kept open."""

    def __init__(self, port: int, key: str = "none") -> None:
        self._port = port
        self._head = f"Host: 127.0.0.1:{port}\r\nAuthorization: Bearer {key}\r\n"
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def get(self, path: str) -> Any:
        """The JSON at a path."""
        return await self._ask("GET", path, "")

    async def post(self, path: str, body: Any) -> Any:
        """The JSON that answers a body of JSON."""
        content = json.dumps(body).encode()
        head = f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n"
        return await self._ask("POST", path, head, content)

    async def upload(self, pieces: AsyncIterator[bytes], size: int) -> Any:
        """Upload a file of so many bytes, for a batch."""
        before = (
            b'--%b\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nbatch\r\n'
            b'--%b\r\nContent-Disposition: form-data; name="file"; filename="a.jsonl"\r\n'
            b"Content-Type: application/octet-stream\r\n\r\n"
        ) % (_BOUNDARY, _BOUNDARY)
        after = b"\r\n--%b--\r\n" % _BOUNDARY
        length = len(before) + size + len(after)
        head = f"Content-Type: multipart/form-data; boundary={_BOUNDARY.decode()}\r\nContent-Length: {length}\r\n"

        async def form() -> AsyncIterator[bytes]:
            yield before
            async for piece in pieces:
                yield piece
            yield after

        return await self._ask("POST", "/v1/files", head, form())

    async def close(self) -> None:
        """Close the connection."""
        if self._writer is not None:
            self._writer.close()
            await self._writer.wait_closed()

    async def _ask(self, method: str, path: str, head: str, body: bytes | AsyncIterator[bytes] = b"") -> Any:
        if self._writer is None or self._reader is None:
            self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port, limit=1 << 22)
        reader, writer = self._reader, self._writer
        writer.write(f"{method} {path} HTTP/1.1\r\n{self._head}{head}\r\n".encode())
        if isinstance(body, bytes):
            writer.write(body)
        else:
            async for piece in body:
                writer.write(piece)
                await writer.drain()
        answer = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        found = re.search(r"content-length: (\d+)", answer)
        content = await reader.readexactly(int(found[1]) if found else 0)
        if not answer.startswith("http/1.1 200"):
            raise SystemExit(f"{method} {path}: {answer.splitlines()[0]}\n{content.decode()}")
        return json.loads(content)


async def pieces_of(path: Path) -> AsyncIterator[bytes]:
    """A file, a piece at a time."""
    with path.open("rb") as file:
        while piece := file.read(PIECE_BYTES):
            yield piece
