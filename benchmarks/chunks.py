"""Measure how long the device waits between chunks: the same documents in one chunk, and in many small chunks.

One `qwenq worker` process with the tiny model, a real Redis, and SQLite with all its fsyncs. The worker reports for
each chunk how long its generation steps took. The rest of the job's time, from its first claim to its end, is idle. A
job of one chunk has idle time too: claiming, reading and the last write. Both jobs alternate, so that other work on
the machine affects both equally.

    python -m benchmarks.chunks [--rows 960] [--chunk 16] [--rounds 3] [--json]
"""

import statistics
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import func, select

from benchmarks.pipeline import LOOK_EVERY_SECONDS, running_worker
from benchmarks.report import Bar, Report, conditions, parser, tell
from benchmarks.services import forget_environment, make_store, running_redis
from benchmarks.workload import write_documents
from qwenq.actions.request import JobRequest
from qwenq.producer.enqueuing import enqueue_input
from qwenq.schemas.settings import Settings
from qwenq.schemas.tables.core import batches, chunks
from qwenq.store.database.store import Store, database_url
from qwenq.store.views.jobs.statuses import job_status

IDLE_BAR = 0.02
NEW_TOKENS = 32
WARM_ROWS = 40
TINY_MODEL = Path(__file__).parents[1] / "examples" / "tiny-qwen3"


@dataclass(frozen=True)
class Span:
    """The time of one job in seconds: in all, and in generation steps."""

    chunks: int
    wall: float
    generating: float

    @property
    def idle(self) -> float:
        """The share of the time without a step."""
        return 1 - self.generating / self.wall


def measure_job(settings: Settings, store: Store, path: Path, chunk_documents: int) -> Span:
    """Submit a job with chunks of this size, and wait for its end."""
    cut = settings.model_copy(update={"chunk_documents": chunk_documents, "chunk_tokens": 10**9})
    request = JobRequest(files=[str(path)], params={"max_new_tokens": NEW_TOKENS})
    job_id = enqueue_input(cut, request.specify(cut)).job_id
    while (span := _span(store, job_id)) is None:
        time.sleep(LOOK_EVERY_SECONDS)
    return span


def _span(store: Store, job_id: int) -> Span | None:
    """Read the time of the job; None while it runs or its last metrics are missing."""
    with store.reading() as connection:
        status = job_status(connection, job_id)
        rows, generating = connection.execute(
            select(func.sum(batches.c.rows), func.sum(batches.c.seconds)).where(batches.c.job_id == job_id)
        ).one()
        count = connection.execute(
            select(func.count()).select_from(chunks).where(chunks.c.job_id == job_id)
        ).scalar_one()
    if status is None or status.started_at is None or status.finished_at is None:
        return None
    if status.documents.succeeded != status.documents.total:
        raise SystemExit(f"not all documents were answered: {status.documents}")
    if rows != status.documents.total:
        return None
    return Span(count, (status.finished_at - status.started_at).total_seconds(), generating)


def main() -> int:
    """Measure and report. Returns the exit code."""
    options = parser("measure how long the device waits between chunks")
    options.add_argument("--rows", type=int, default=960)
    options.add_argument("--chunk", type=int, default=16, help="documents in a small chunk")
    options.add_argument("--rounds", type=int, default=3)
    arguments = options.parse_args()
    rows: int = arguments.rows
    forget_environment()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_documents(folder / "documents.jsonl", rows)
        write_documents(folder / "warm.jsonl", WARM_ROWS)
        settings = Settings(home=folder / "home", model=str(TINY_MODEL))
        make_store(settings)
        with (
            Store(database_url(settings)) as store,
            running_redis(settings) as redis,
            running_worker(settings),
        ):
            report = Report(
                "chunks",
                conditions({"Redis": redis}, rows=rows, chunk=arguments.chunk, rounds=arguments.rounds),
            )
            measure_job(settings, store, folder / "warm.jsonl", WARM_ROWS)
            many, one = [], []
            for _ in range(arguments.rounds):
                one.append(measure_job(settings, store, folder / "documents.jsonl", rows))
                many.append(measure_job(settings, store, folder / "documents.jsonl", arguments.chunk))
    for spans in (one, many):
        what = "one chunk" if spans[0].chunks == 1 else f"{spans[0].chunks} chunks"
        report.add(f"{what}: wall time", statistics.median(span.wall for span in spans), "s")
        report.add(f"{what}: documents", rows / statistics.median(span.wall for span in spans), "documents/s")
        report.add(f"{what}: without a step", 100 * statistics.median(span.idle for span in spans), "%")
    lost = statistics.median(a.idle for a in many) - statistics.median(a.idle for a in one)
    report.bars.append(Bar("additional idle share of many chunks", lost, at_most=IDLE_BAR))
    return tell(report, as_json=arguments.json)


if __name__ == "__main__":
    sys.exit(main())
