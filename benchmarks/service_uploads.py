"""Measure the memory of `qwenq serve` while ten files of 200 MB are uploaded at once.

Its resident memory is read every few milliseconds; the bar is for the peak above that of the idle service, which has
served a small upload before. With --bucket the files go to a bucket: S3, spoken by a process of the package moto.

    python -m benchmarks.service_uploads [--files 10] [--megabytes 200] [--bucket] [--json]
"""

import asyncio
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Self

from benchmarks.report import Bar, Report, conditions, parser, tell
from benchmarks.services import forget_environment, make_store, running_redis
from benchmarks.serving import PIECE_BYTES, Client, Served, served
from qwenq.schemas.settings import Settings
from qwenq.store.broker.broker import broker_url

MEMORY_BAR_MB = 100.0
READ_SECONDS = 0.01
SETTLE_SECONDS = 2.0
BUCKET = "bench"
KEYS = {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x", "AWS_DEFAULT_REGION": "us-east-1"}
_PIECE = (b'{"custom_id": "x"}' + b" " * 237 + b"\n") * (PIECE_BYTES // 256)


class Peak:
    """Reads a service's memory in a thread, until the block ends."""

    def __init__(self, service: Served) -> None:
        self._service = service
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.megabytes = 0.0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._ended.wait(READ_SECONDS):
            self.megabytes = max(self.megabytes, self._service.memory_mb)


async def _pieces(size: int) -> AsyncIterator[bytes]:
    for _ in range(size // len(_PIECE)):
        yield _PIECE


async def upload_all(port: int, files: int, size: int) -> None:
    """Upload files of so many bytes at once."""
    whole = size // len(_PIECE) * len(_PIECE)
    clients = [Client(port) for _ in range(files)]
    await asyncio.gather(*(client.upload(_pieces(whole), whole) for client in clients))
    for client in clients:
        await client.close()


@contextmanager
def bucket() -> Iterator[str]:
    """A bucket on a server of its own, which the environment names. Gives its URL."""
    import boto3

    command = [sys.executable, "-u", "-m", "moto.server", "-p", "5987"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    for line in process.stderr:
        if "Running on" in line:
            break
    threading.Thread(target=process.stderr.read, daemon=True).start()
    os.environ |= {**KEYS, "AWS_ENDPOINT_URL": "http://127.0.0.1:5987"}
    boto3.client("s3").create_bucket(Bucket=BUCKET)
    try:
        yield f"s3://{BUCKET}/files"
    finally:
        process.kill()
        process.wait()


def main() -> int:
    """Measure and report. Returns the exit code."""
    options = parser("measure the memory of the service while files are uploaded")
    options.add_argument("--files", type=int, default=10)
    options.add_argument("--megabytes", type=int, default=200)
    options.add_argument("--bucket", action="store_true", help="upload to a bucket, not to a folder")
    arguments = options.parse_args()
    size = arguments.megabytes * 1_000_000
    forget_environment()
    with tempfile.TemporaryDirectory() as name, bucket() if arguments.bucket else nullcontext() as url:
        home = Settings(home=Path(name) / "redis")
        with running_redis(home) as redis:
            settings = Settings(
                home=Path(name) / "home", broker_url=broker_url(home), model="echo", files_url=url
            )
            make_store(settings)
            sizes = {"files": arguments.files, "MB a file": arguments.megabytes}
            kept = {"Redis": redis, "files are in": "S3 (moto)" if arguments.bucket else "a folder"}
            report = Report("service: uploads", conditions(kept, **sizes))
            with served(settings, settings.home / "serve.log") as service:
                asyncio.run(upload_all(service.port, 1, 1_000_000))
                time.sleep(SETTLE_SECONDS)
                idle, began = service.memory_mb, time.perf_counter()
                with Peak(service) as peak:
                    asyncio.run(upload_all(service.port, arguments.files, size))
                seconds = time.perf_counter() - began
            report.add("idle", idle, "MB")
            report.add("peak", peak.megabytes, "MB")
            report.add("all uploads", arguments.files * arguments.megabytes / seconds, "MB/s")
            report.bars.append(Bar("peak MB above idle", peak.megabytes - idle, at_most=MEMORY_BAR_MB))
    return tell(report, as_json=arguments.json)


if __name__ == "__main__":
    sys.exit(main())
