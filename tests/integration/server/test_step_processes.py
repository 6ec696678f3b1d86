"""Long steps of batches in processes of their own: inputs that hang beside good ones."""

import os
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import select

from qwenq.cli.services.beat import duties_of
from qwenq.schemas.settings import Settings
from qwenq.schemas.tables.service import api_batches
from qwenq.server.batches import step_processes, tasks
from qwenq.server.batches.caretaker import Caretaker
from qwenq.server.batches.step_processes import QUICK_STEPS, StepProcesses
from qwenq.store.broker.task_messages import CARE
from tests.integration.server.conftest import Desk, jsonl, line
from tests.waiting import eventually


@pytest.fixture
def steps() -> Iterator[StepProcesses]:
    steps = StepProcesses()
    yield steps
    steps.stop()


def hanging(desk: Desk) -> dict[str, Any]:
    """A batch whose file cannot be read to its end: a pipe to which nobody writes."""
    file_id = desk.upload(jsonl(line("a")))
    path = desk.settings.home / "files" / "kept" / file_id
    path.unlink()
    os.mkfifo(path)
    return desk.create(file_id)


def patient(desk: Desk) -> Settings:
    """Settings with a lease that lasts until the fork server has started, even on a busy machine."""
    return desk.settings.model_copy(update={"lease_seconds": 60.0})


def holders(desk: Desk) -> list[str]:
    with desk.store.reading() as connection:
        query = select(api_batches.c.id).where(api_batches.c.holder.is_not(None))
        return list(connection.execute(query).scalars())


def test_batches_that_hang_leave_room_for_others_and_are_let_go_of(
    sqlite_desk: Desk, steps: StepProcesses, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = sqlite_desk
    monkeypatch.setattr(step_processes, "SLOW_SECONDS", 600.0)
    caretaker = Caretaker(desk.store, desk.broker, desk.storage, patient(desk), steps)
    slow = [hanging(desk)["id"] for _ in range(QUICK_STEPS)]
    good = desk.create(desk.upload(jsonl(line("a"))))
    caretaker.look()
    assert sorted(holders(desk)) == sorted(slow), "so many quick ones at once"
    monkeypatch.setattr(step_processes, "SLOW_SECONDS", 0.0)
    caretaker.look()
    eventually(lambda: desk.batch(good["id"])["status"] == "in_progress", "the good one begins")
    steps.stop()
    assert holders(desk) == []
    assert {desk.batch(one)["status"] for one in slow} == {"validating"}


def test_no_more_steps_begin_than_there_are_places(
    sqlite_desk: Desk, steps: StepProcesses, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = sqlite_desk
    monkeypatch.setattr(step_processes, "MOST_STEPS", 1)
    for _ in range(2):
        hanging(desk)
    Caretaker(desk.store, desk.broker, desk.storage, patient(desk), steps).look()
    assert len(holders(desk)) == len(steps.sentinels()) == 1


@pytest.mark.parametrize(
    ("named", "cares"),
    [
        ({}, True),
        ({"database_url": "sqlite:///a"}, False),
        ({"database_url": "sqlite:///a", "files_url": "f"}, True),
    ],
    ids=["the home's store", "the files of this home", "files that are named"],
)
def test_beat_takes_care_of_batches_whose_files_it_sees(named: dict[str, str], cares: bool) -> None:
    assert (CARE in {duty.task for duty in duties_of(Settings.model_validate(named))}) is cares


def test_the_duty_of_beat_has_a_batch_validated(sqlite_desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    batch = sqlite_desk.create(sqlite_desk.upload(jsonl(line("a"))))
    monkeypatch.setattr(tasks, "settings_of_process", lambda: sqlite_desk.settings)
    tasks.care_for_batches()
    eventually(lambda: sqlite_desk.batch(batch["id"])["status"] == "in_progress", "the batch begins")
