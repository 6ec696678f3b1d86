"""Schedules with a real store and broker, a clock set by the test, and answers written as a worker writes them."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from qwenq.actions.request import JobRequest
from qwenq.schedules import commands
from qwenq.schedules.ticking import TickReport, tick
from qwenq.schemas.schedules import RunPolicy, ScheduleRun
from qwenq.schemas.settings import Settings
from qwenq.schemas.states import ChunkState, JobState, RunState
from qwenq.store.broker.broker import Broker
from qwenq.store.database.store import Store
from qwenq.store.views.jobs.statuses import job_status
from tests.builders import chunks_of, claim_one, finish, make_worker

NIGHT = datetime(2030, 11, 22, 2, tzinfo=UTC)
"""A due time of `0 2 * * *` in the future."""
A_DAY = timedelta(days=1)


class Nights:
    """A schedule's folder, and ticks at any moment."""

    def __init__(self, store: Store, broker: Broker, settings: Settings, folder: Path) -> None:
        self.store, self.broker, self.settings, self.folder = store, broker, settings, folder
        self.inbox = folder / "inbox"
        self.inbox.mkdir()
        self.worker = make_worker(store, "echo")

    def put(self, name: str, texts: Sequence[str]) -> None:
        """Put a file of documents into the inbox."""
        lines = [json.dumps({"id": f"{name}-{place}", "text": text}) for place, text in enumerate(texts)]
        (self.inbox / name).write_text("\n".join(lines) + "\n")

    def add(self, name: str = "nightly", cron: str = "0 2 * * *", tz: str = "UTC", **policy: object) -> None:
        """Add a schedule over the inbox, first due at NIGHT."""
        policy.setdefault("output", str(self.folder / "{schedule}-{date}.jsonl"))
        request = JobRequest(files=[str(self.inbox / "*.jsonl")])
        commands.add(name, (cron, tz), request, RunPolicy.model_validate(policy), self.settings)
        self.due_from(name, NIGHT)

    def due_from(self, name: str, moment: datetime) -> None:
        """Set the next due time of a schedule."""
        from qwenq.store.schedules.schedules import note_next_due

        schedule = commands.show(name, self.settings).schedule
        with self.store.writing() as connection:
            note_next_due(connection, [(schedule.id, moment)])

    def tick(self, at: datetime = NIGHT) -> TickReport:
        """Run one tick at a moment."""
        return tick(self.store, self.broker, self.settings, at)

    def runs(self, name: str = "nightly") -> list[ScheduleRun]:
        """A schedule's runs, oldest first."""
        return list(reversed(commands.show(name, self.settings).runs))

    def answer(self, job_id: int | None) -> None:
        """Answer a job as a worker does."""
        assert job_id is not None
        for chunk_id in chunks_of(self.store, job_id, ChunkState.QUEUED):
            finish(self.store, claim_one(self.store, chunk_id, self.worker))
        with self.store.reading() as connection:
            status = job_status(connection, job_id)
        assert status is not None
        assert status.state is JobState.COMPLETED

    def night(self, at: datetime = NIGHT) -> ScheduleRun:
        """Do a whole run: due, submitted, answered, delivered."""
        self.tick(at)
        self.answer(self.runs()[-1].job_id)
        self.tick(at)
        last = self.runs()[-1]
        assert last.state in {RunState.SUCCEEDED, RunState.FAILED}
        return last


@pytest.fixture
def nights(store: Store, broker: Broker, settings: Settings, tmp_path: Path) -> Nights:
    """A schedule's folder and ticks."""
    return Nights(
        store,
        broker,
        settings.model_copy(update={"model": "echo", "webhook_hosts": ("127.0.0.1",)}),
        tmp_path,
    )
