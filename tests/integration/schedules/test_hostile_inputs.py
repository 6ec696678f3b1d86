"""Inputs that are slow, hang, or kill their reader end their own run only, and hold no other schedule up."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import psutil
import pytest
from sqlalchemy import update

from qwenq.actions.request import JobRequest
from qwenq.schedules import by_hand, checking, commands, preflight
from qwenq.schedules.processes.lanes import LANES
from qwenq.schedules.processes.steps import RunProcesses
from qwenq.schedules.ticking import tick
from qwenq.schemas.errors import OutputNotWritable, RunNotStarted
from qwenq.schemas.schedules import RunPolicy, ScheduleRun
from qwenq.schemas.states import RunState
from qwenq.schemas.tables.schedules import schedule_runs, schedules
from qwenq.store.database.clock import moment_of, now
from qwenq.store.schedules.runs import hold_run
from tests.integration.schedules.conftest import NIGHT, Nights
from tests.processes import Fleet
from tests.waiting import eventually

HANGING = LANES[0].places + LANES[1].places + 3
"""More than the lanes for quick and for slow steps hold."""


@pytest.fixture
def processes() -> Iterator[RunProcesses]:
    """Processes for runs, as beat has them."""
    processes = RunProcesses()
    yield processes
    processes.stop()
    processes.wait()


def read_from(nights: Nights, name: str, path: Path) -> None:
    """Let a schedule read a file, whatever it is."""
    request = commands.show(name, nights.settings).schedule.request.model_dump(mode="json")
    request |= {"inputs": [str(path)], "format": "jsonl"}
    with nights.store.writing() as connection:
        connection.execute(update(schedules).where(schedules.c.name == name).values(request=request))


def add_hanging(nights: Nights, count: int) -> list[str]:
    """Add schedules whose input is a pipe that nobody writes to."""
    pipe = nights.folder / "pipe.jsonl"
    os.mkfifo(pipe)
    names = [f"hanging-{place}" for place in range(count)]
    for name in names:
        nights.add(name)
        read_from(nights, name, pipe)
    return names


def moment_of_now(nights: Nights) -> datetime:
    """The store's present time."""
    with nights.store.reading() as connection:
        return moment_of(connection)


def run_of(nights: Nights, name: str) -> ScheduleRun:
    return nights.runs(name)[-1]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_schedules_that_hang_do_not_delay_another_one_of_beat(nights: Nights, fleet: Fleet) -> None:
    nights.put("a.jsonl", ["one"])
    hanging = add_hanging(nights, HANGING)
    nights.add("quick")
    just_now = moment_of_now(nights)
    for name in (*hanging, "quick"):
        nights.due_from(name, just_now)
    fleet.start("beat")
    eventually(
        lambda: nights.runs("quick") and run_of(nights, "quick").job_id, "the quick run is submitted", 120
    )
    assert [run_of(nights, name).job_id for name in hanging] == [None] * HANGING


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_run_that_reads_for_too_long_fails(nights: Nights, processes: RunProcesses) -> None:
    nights.settings = nights.settings.model_copy(update={"schedule_seconds": 1.0, "lease_seconds": 2.0})
    [hanging] = add_hanging(nights, 1)
    tick(nights.store, nights.broker, nights.settings, NIGHT, processes.advance)
    processes.wait()
    run = run_of(nights, hanging)
    assert (run.state, run.error_code) == (RunState.FAILED, "input_too_slow")
    assert "QWENQ_SCHEDULE_SECONDS" in (run.error_message or "")
    assert "pipe.jsonl" in (run.error_message or "")


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_run_whose_schedule_was_removed_stops_reading(nights: Nights, processes: RunProcesses) -> None:
    nights.settings = nights.settings.model_copy(update={"lease_seconds": 2.0})
    [hanging] = add_hanging(nights, 1)
    tick(nights.store, nights.broker, nights.settings, NIGHT, processes.advance)
    commands.remove(hanging, nights.settings)
    processes.wait()


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_run_whose_process_is_killed_twice_fails_and_another_schedule_goes_on(
    nights: Nights, processes: RunProcesses
) -> None:
    nights.put("a.jsonl", ["one"])
    [hanging] = add_hanging(nights, 1)
    nights.add("sound")
    killed = 0

    def kill_readers() -> None:
        nonlocal killed
        while processes._watchers:
            for process in tuple(processes._pool._busy):
                time.sleep(2)
                if process in processes._pool._busy:
                    process._signal(signal.SIGKILL)
                    killed += 1
            time.sleep(0.02)

    for _ in range(3):
        tick(nights.store, nights.broker, nights.settings, NIGHT, processes.advance)
        kill_readers()
        with nights.store.writing() as connection:
            connection.execute(
                update(schedule_runs)
                .where(schedule_runs.c.holder.is_not(None))
                .values(holder_expires_at=now(-1))
            )
    run = run_of(nights, hanging)
    assert (run.state, run.error_code, killed) == (RunState.FAILED, "input_killed_reader", 2)
    assert "died 2 times" in (run.error_message or "")
    assert run_of(nights, "sound").job_id is not None


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_run_by_hand_that_reads_for_too_long_fails(nights: Nights) -> None:
    nights.settings = nights.settings.model_copy(update={"schedule_seconds": 1.0})
    [hanging] = add_hanging(nights, 1)
    with pytest.raises(RunNotStarted, match="QWENQ_SCHEDULE_SECONDS"):
        by_hand.run(hanging, nights.settings)
    assert run_of(nights, hanging).error_code == "input_too_slow"


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_adding_a_schedule_whose_output_hangs_is_refused(
    nights: Nights, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checking, "_check_places", hang)
    monkeypatch.setattr(checking, "PLACES_SECONDS", 0.5)
    with pytest.raises(OutputNotWritable, match="no answer within"):
        nights.add()


def hang(*_: object) -> None:
    """Stand for a file system that does not answer."""
    threading.Event().wait()


def test_adding_a_schedule_over_a_hanging_input_takes_seconds(
    nights: Nights, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preflight, "INPUT_SECONDS", 0.5)
    pipe = nights.folder / "pipe.jsonl"
    os.mkfifo(pipe)
    policy = RunPolicy(output=str(nights.folder / "{date}.jsonl"))
    due = ("0 2 * * *", "UTC")
    began = time.monotonic()
    added = commands.add("hanging", due, JobRequest(files=[str(pipe)]), policy, nights.settings)
    assert time.monotonic() - began < 60
    assert [warning for warning in added.warnings if "could not be opened: no answer within" in warning]
    assert threading.active_count() < 20


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("politely", [True, False], ids=["stopped", "killed"])
def test_no_process_of_a_run_outlives_beat_whose_end_is_no_crash(
    nights: Nights, fleet: Fleet, politely: bool
) -> None:
    [hanging] = add_hanging(nights, 1)
    with nights.store.reading() as connection:
        nights.due_from(hanging, moment_of(connection))
    beat = fleet.start("beat")
    readers: list[psutil.Process] = eventually(
        lambda: [one for one in psutil.Process(beat.pid).children(recursive=True) if is_reader(one)],
        "a process reads",
        120,
    )
    if politely:
        beat.ask_to_stop()
    else:
        beat.kill()
    beat.wait_until_stopped(60)
    eventually(lambda: not any(map(is_alive, readers)), "its process has ended", 60)
    with nights.store.writing() as connection:
        connection.execute(update(schedule_runs).values(holder_expires_at=now(-1)))
        held = hold_run(connection, 60.0)
    assert held is not None
    assert held.run.crashes == 0


def is_reader(process: psutil.Process) -> bool:
    """Whether a process has the pipe of `add_hanging` to read; it waits for a writer, so its parent is the server."""
    return is_alive(process) and "forkserver" in " ".join(process.cmdline()) and not process.children()


def is_alive(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
