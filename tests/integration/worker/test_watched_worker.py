"""What a worker reports while it works, in its log and its task's events: ids and counts, nothing of a document."""

import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from celery.events import EventReceiver
from celery.events.state import State

from qwenq.producer.enqueuing import enqueue_job
from qwenq.schemas.documents import Document
from qwenq.schemas.jobs import JobSpec, PromptSpec
from qwenq.schemas.settings import Settings
from qwenq.store.broker.broker import Broker
from qwenq.store.database.store import Store
from tests.integration.trouble.slow_worker import SlowWorker
from tests.processes import Fleet
from tests.services import Jobs
from tests.waiting import eventually

CANARY = "kanarienvogel"
TEMPLATE = f"{CANARY} {{{{ text }}}} {{{{ 10 // number }}}}"
DOCUMENTS = 24
UNRENDERED, BLANK = 3, 5

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def settings(tmp_path: Path, database_url: str) -> Settings:
    """Settings with a lease so long that no message is sent twice."""
    return Settings(home=tmp_path / "home", database_url=database_url, lease_seconds=60, stop_seconds=5)


class Watcher:
    """Receives the tasks' events as Flower does; `progress` holds state and result after each progress event."""

    def __init__(self, broker: Broker) -> None:
        self._app = broker.app
        self.state: Any = State()
        self.heard: list[dict[str, Any]] = []
        self.progress: list[tuple[str, str]] = []
        self._receiver: EventReceiver | None = None
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop receiving."""
        if self._receiver is not None:
            self._receiver.should_stop = True
        self._thread.join()

    def _listen(self) -> None:
        with self._app.connection() as connection:
            self._receiver = EventReceiver(connection, handlers={"*": self._hear}, app=self._app)
            self._receiver.capture(limit=None, timeout=None, wakeup=False)

    def _hear(self, event: dict[str, Any]) -> None:
        self.heard.append(event)
        self.state.event(event)
        if event["type"] == "task-progress":
            task = self.state.tasks[event["uuid"]]
            self.progress.append((task.state, task.result))


@pytest.fixture
def watcher(broker: Broker) -> Iterator[Watcher]:
    watcher = Watcher(broker)
    yield watcher
    watcher.stop()


Submit = Callable[[], int]


@pytest.fixture
def submit(store: Store, broker: Broker, settings: Settings) -> Submit:
    """Submit one chunk of documents that hold the canary; one fails in the template, and one is blank."""

    def content(place: int) -> str:
        text = f"{CANARY} takes 150 ms" if place != BLANK else ""
        return json.dumps({"text": text, "number": 0 if place == UNRENDERED else place + 1})

    def submit() -> int:
        rows = [Document(f"d{place}", 0, place + 1, content(place)) for place in range(DOCUMENTS)]
        spec = JobSpec(model="echo", sources=("x",), prompt=PromptSpec(template=TEMPLATE))
        return enqueue_job(store, broker, settings, spec, rows).job_id

    return submit


def test_json_log_and_events_report_each_transition_by_its_ids(
    fleet: Fleet, jobs: Jobs, tmp_path: Path, watcher: Watcher, submit: Submit
) -> None:
    job_id = submit()
    worker = SlowWorker(fleet, tmp_path, log_format="json")
    status = jobs.wait_until_ended(job_id)
    assert (status.documents.succeeded, status.documents.failed) == (DOCUMENTS - 2, 2)
    eventually(lambda: "SUCCESS" in {task.state for task in watcher.state.tasks.values()}, "the task ends")
    worker.service.ask_to_stop()
    worker.service.wait_until_stopped(30)

    lines = [json.loads(line) for line in worker.log.splitlines()]
    assert all(line["time"].endswith("Z") and line["level"] and line["pid"] for line in lines)
    told = [line["event"] for line in lines if "event" in line]
    expected = [
        "worker.starting", "worker.ready", "job.started", "chunk.claimed", "chunk.finished", "job.completed",
        "worker.stopping", "worker.stopped",
    ]  # fmt: skip
    assert [event for event in told if event in expected] == expected
    (claimed,) = [line for line in lines if line.get("event") == "chunk.claimed"]
    assert (claimed["job"], claimed["attempt"], claimed["worker"]) == (job_id, 1, 1)
    assert CANARY not in worker.log

    assert watcher.progress
    state, shown = watcher.progress[0]
    assert state == "PROGRESS"
    assert f"job {job_id}, chunk {claimed['chunk']}, attempt 1: " in shown
    assert f"of {DOCUMENTS} documents" in shown
    # Another message of the same chunk claims nothing.
    ended = [task.result for task in watcher.state.tasks.values() if task.result not in {None, "None"}]
    assert [f"{DOCUMENTS} of {DOCUMENTS} documents" in result for result in ended] == [True]
    assert CANARY not in repr(watcher.heard)


def test_a_text_log_quotes_no_document_and_the_parent_notes_held_memory(
    fleet: Fleet, jobs: Jobs, submit: Submit
) -> None:
    worker = fleet.start("worker", "--model", "echo", "--log-format", "text", "--log-level", "debug")
    jobs.wait_until_ended(submit())
    eventually(lambda: _resident(jobs.store) > 10 * 2**20, "the heartbeat notes the memory of the child")
    finished = "chunk.finished job=1 chunk=1 attempt=1 worker=1"
    eventually(lambda: finished in worker.log.read_text(), "the log tells what the store has")
    assert CANARY not in worker.log.read_text()


def _resident(store: Store) -> int:
    from sqlalchemy import select

    from qwenq.schemas.tables.core import workers

    with store.reading() as connection:
        held: int | None = connection.execute(select(workers.c.resident_bytes)).scalar_one()
    return held or 0
