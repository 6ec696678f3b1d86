"""A worker on the fleet's page: health, meaning, memory."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from qwenq.monitor.pages.worker_view import WorkerView
from qwenq.schemas.states import WorkerState
from qwenq.schemas.views.fleet import FleetWorker, HeldChunk, WorkerCondition

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
CHUNK = HeldChunk(chunk_id=3, job_id=1, attempt=1, documents=10, finished=4, lease_seconds=30.0)
WORKER = FleetWorker(
    id=1,
    name="w@here",
    host="here",
    pid=1,
    model="echo",
    state=WorkerState.READY,
    condition=WorkerCondition.IDLE,
    device="cuda",
    dtype="bfloat16",
    context=512,
    parameters=1,
    revision=None,
    loads=1,
    load_seconds=1.0,
    check_tokens_per_second=None,
    error=None,
    started_at=NOON,
    heartbeat_at=NOON + timedelta(hours=1),
    silent_seconds=1.0,
    resident_bytes=3 * 2**30,
    gpu_bytes=60 * 2**30,
    gpu_total_bytes=80 * 2**30,
)


def _view(condition: WorkerCondition, **known: object) -> WorkerView:
    return WorkerView(replace(WORKER, condition=condition, **known))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("view", "health"),
    [
        (_view(WorkerCondition.IDLE), "healthy"),
        (_view(WorkerCondition.BUSY, held=(CHUNK,)), "healthy"),
        (_view(WorkerCondition.BUSY, held=(replace(CHUNK, lease_seconds=-1.0),)), "degraded"),
        (_view(WorkerCondition.STARTING), "healthy"),
        (_view(WorkerCondition.STOPPED), "-"),
        (_view(WorkerCondition.FAILED), "unhealthy"),
        (_view(WorkerCondition.LOST), "unhealthy"),
    ],
    ids=lambda given: given if isinstance(given, str) else given.worker.condition,
)
def test_health_follows_from_condition_and_lease(view: WorkerView, health: str) -> None:
    assert view.health == health


def test_a_lost_worker_and_an_expired_lease_have_different_meanings() -> None:
    overdue = replace(CHUNK, lease_seconds=-1.0)
    assert _view(WorkerCondition.LOST, held=(overdue,), silent_seconds=125.0).meaning == (
        "No heartbeat for 2 min 5 s: its process or machine is gone, or it cannot reach the store. "
        "Its chunks go to another worker of its model when their lease expires."
    )
    assert _view(WorkerCondition.BUSY, held=(overdue,)).meaning.startswith("Alive, but its lease has expired")


def test_a_failed_worker_shows_its_error() -> None:
    assert _view(WorkerCondition.FAILED, error="no config.json").meaning == "no config.json"


@pytest.mark.parametrize("condition", WorkerCondition)
def test_every_condition_has_a_meaning(condition: WorkerCondition) -> None:
    assert _view(condition).meaning.endswith(".")


def test_the_docs_list_every_condition() -> None:
    page = (Path(__file__).parents[3] / "docs" / "monitoring.md").read_text("utf-8")
    table = page.partition("| condition | means |")[2].partition("\n\n")[0]
    assert re.findall(r"^\| (\w+) \|", table, re.MULTILINE) == list(WorkerCondition)


def test_memory_is_shown_in_a_fitting_unit() -> None:
    view = _view(WorkerCondition.IDLE)
    assert (view.memory, view.gpu_memory) == ("3.0 GiB", "60 GiB of 80 GiB")
    assert _view(WorkerCondition.IDLE, gpu_bytes=None).gpu_memory == "-"
