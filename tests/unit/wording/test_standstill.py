"""Why a job does not move: each reason, with what to do about it."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from qwenq.monitor.pages.job_view import JobView
from qwenq.schemas.jobs import DocumentCounts, JobStatus, TokenUsage
from qwenq.schemas.settings import Settings
from qwenq.schemas.states import JobState, WorkerState
from qwenq.schemas.views.fleet import FleetWorker, HeldChunk, WorkerCondition
from qwenq.wording.jobs import job_line
from qwenq.wording.standstill import standstill
from qwenq.wording.workers import command_here, start_a_worker

MOMENT = datetime(2026, 1, 1, tzinfo=UTC)
BUSY, IDLE, LOST = WorkerCondition.BUSY, WorkerCondition.IDLE, WorkerCondition.LOST


def job(still_seconds: float | None = 7_200.0) -> JobStatus:
    """A running job that has answered half of its documents."""
    return JobStatus(
        id=3,
        name="letters",
        state=JobState.RUNNING,
        model="m",
        documents=DocumentCounts(total=10, succeeded=5, pending=5),
        usage=TokenUsage(completion_tokens=500),
        submitter=None,
        tokens_per_second=50.0,
        created_at=MOMENT,
        started_at=MOMENT,
        finished_at=None,
        still_seconds=still_seconds,
    )


def worker(condition: WorkerCondition, held: int | None = None, **facts: Any) -> FleetWorker:
    """A worker, perhaps with a chunk of a job."""
    chunks = () if held is None else (HeldChunk(1, held, 1, 10, 5, 30.0),)
    known: dict[str, Any] = {
        "id": 1, "name": "w@here", "host": "here", "pid": 7, "model": "m", "state": WorkerState.READY,
        "condition": condition, "device": None, "dtype": None, "context": None, "parameters": None,
        "revision": None, "loads": 1, "load_seconds": None, "check_tokens_per_second": None, "error": None,
        "started_at": MOMENT, "heartbeat_at": MOMENT, "silent_seconds": 5_400.0, "resident_bytes": None,
        "gpu_bytes": None, "gpu_total_bytes": None, "held": chunks,
    }  # fmt: skip
    return FleetWorker(**known | facts)


@pytest.mark.parametrize(
    ("fleet", "why"),
    [
        ([], "no worker has the model m; start one with `qwenq worker --model m`."),
        ([worker(IDLE, model="n")], "no worker has the model m; start one with `qwenq worker --model m`."),
        ([worker(LOST, held=3)], "w@here, which holds its chunks, was last seen 1 h 30 min ago."),
        ([worker(BUSY, held=3)], "w@here holds its chunks and has reported nothing since;"),
        ([worker(BUSY, held=2)], "all workers of its model answer job 2 first."),
        ([worker(IDLE)], "w@here is idle, and did not get its chunks;"),
        ([worker(IDLE), worker(BUSY, held=2)], "w@here is idle, and did not get its chunks;"),
        ([worker(IDLE, broker_error="refused")], "w@here cannot reach the broker: refused."),
        ([worker(WorkerCondition.STARTING)], "w@here has not loaded its model yet;"),
    ],
)
def test_the_reason_is_told(fleet: list[FleetWorker], why: str) -> None:
    assert standstill(job(), fleet).startswith(f"It has not moved for 2 h: {why}")


def test_a_broker_that_is_away_is_the_reason_while_workers_live() -> None:
    assert standstill(job(), [worker(IDLE)], "The broker is away.").endswith(": The broker is away.")


def test_a_job_that_stands_still_has_no_speed_and_no_time_left() -> None:
    still, moving = JobView(job(), {"m"}), JobView(job(still_seconds=10.0), {"m"})
    assert (still.tokens_per_second, still.status.seconds_left, still.still_for) == (None, None, 7_200.0)
    assert (moving.tokens_per_second, moving.status.seconds_left, moving.still_for) == (50.0, 10.0, None)
    assert job_line(job()) == "job 3 running, 5 of 10 documents (50 %), has not moved for 2 h"


def test_without_the_embedded_redis_qwenq_up_starts_a_worker(tmp_path: Path) -> None:
    embedded = Settings(home=tmp_path)
    assert start_a_worker("m", command_here(embedded)).endswith("start one with `qwenq up --model m`")
    (tmp_path / "redis.sock").touch()
    for settings in (embedded, Settings(home=tmp_path / "x", broker_url="redis://h")):
        assert "`qwenq worker --model m`" in start_a_worker("m", command_here(settings))
