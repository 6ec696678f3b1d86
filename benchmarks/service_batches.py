"""Compare a batch by the HTTP service with `qwenq submit` of the same file.

The service runs as a process. Its time goes from the first byte of the upload to the first answer that shows the batch
`in_progress`: the file is uploaded, checked, and stored as a job. `qwenq submit` is a process, too, with its start, as
a person waits for it. They alternate, each on an empty store; the bar is for the median of the ratios within a round.

    python -m benchmarks.service_batches [--lines 50000] [--rounds 5] [--json]
"""

import asyncio
import json
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from benchmarks.report import Bar, Report, conditions, parser, tell
from benchmarks.services import FreshStores, forget_environment, running_postgres, running_redis
from benchmarks.serving import CHAT, Client, pieces_of, served
from benchmarks.submit import FreshStore, submit_process
from benchmarks.workload import WORDS, WORDS_A_DOCUMENT, custom_id
from qwenq.schemas.settings import Settings
from qwenq.store.broker.broker import broker_url

RATIO_BAR = 1.5
LOOK_SECONDS = 0.02


def write_lines(path: Path, count: int) -> int:
    """Write lines of a batch. Returns the average bytes of a line."""
    size = 0
    with path.open("w", encoding="utf-8") as output:
        for number in range(count):
            text = " ".join(WORDS[(number * step) % len(WORDS)] for step in range(1, WORDS_A_DOCUMENT))
            body = {"model": "echo", "messages": [{"role": "user", "content": text}], "max_tokens": 64}
            line = {"custom_id": custom_id(number), "method": "POST", "url": CHAT, "body": body}
            size += output.write(json.dumps(line) + "\n")
    return size // count


async def begin_batch(port: int, path: Path) -> tuple[float, float]:
    """Upload a file and create its batch. Returns the seconds of the upload, and those until it is in progress."""
    client, size = Client(port), path.stat().st_size  # noqa: ASYNC240 - a local file
    await client.get("/v1/models")
    began = time.perf_counter()
    file = await client.upload(pieces_of(path), size)
    uploaded = time.perf_counter() - began
    wanted = {"input_file_id": file["id"], "endpoint": CHAT, "completion_window": "24h"}
    batch = await client.post("/v1/batches", wanted)
    while batch["status"] == "validating":
        await asyncio.sleep(LOOK_SECONDS)
        batch = await client.get(f"/v1/batches/{batch['id']}")
    seconds = time.perf_counter() - began
    await client.close()
    if batch["status"] != "in_progress":
        raise SystemExit(f"the batch is {batch['status']}: {batch['errors']}")
    return uploaded, seconds


def measure(report: Report, name: str, fresh: FreshStore, path: Path, rounds: int) -> None:
    """Let both alternate on one kind of store."""
    uploads, batches, submits, ratios = [], [], [], []
    for _ in range(rounds):
        with fresh() as settings:
            submits.append(submit_process(path, settings).wall_seconds)
        with fresh() as settings, served(settings, settings.home / "serve.log") as service:
            uploaded, seconds = asyncio.run(begin_batch(service.port, path))
        uploads.append(uploaded)
        batches.append(seconds)
        ratios.append(seconds / submits[-1])
    report.add(f"{name}: `qwenq submit`", median(submits), "s")
    report.add(f"{name}: upload", median(uploads), "s")
    report.add(f"{name}: upload, create, until in_progress", median(batches), "s")
    report.bars.append(Bar(f"{name}: a batch against `qwenq submit`", median(ratios), at_most=RATIO_BAR))


def main() -> int:
    """Measure and report. Returns the exit code."""
    options = parser("compare a batch by the service with submit")
    options.add_argument("--lines", type=int, default=50_000)
    options.add_argument("--rounds", type=int, default=5)
    arguments = options.parse_args()
    forget_environment()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = folder / "batch.jsonl"
        line = write_lines(path, arguments.lines)
        home = Settings(home=folder / "redis")
        with running_redis(home) as redis, running_postgres(folder) as postgres:
            versions = {"Redis": redis, "PostgreSQL": postgres.version}
            sizes = {"lines": arguments.lines, "bytes a line": line, "rounds": arguments.rounds}
            report = Report("service: batches", conditions(versions, **sizes))
            stores = FreshStores(folder, broker_url(home), postgres)
            measure(report, "SQLite", stores.sqlite, path, arguments.rounds)
            measure(report, "PostgreSQL", stores.postgresql, path, arguments.rounds)
    return tell(report, as_json=arguments.json)


if __name__ == "__main__":
    sys.exit(main())
