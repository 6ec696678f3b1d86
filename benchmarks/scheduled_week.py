"""Simulate a week of a five-minute schedule with two beats and restarts, and count the runs of each due time.

In the middle, the clocks in Warsaw go back. Both beats get each moment at the same time. Three times one of them is
killed (kill -9) while it ticks. Once both are away for an hour, whose due times they catch up. A real worker answers.
Each due time must have exactly one run, one job and one answer.

    python -m benchmarks.scheduled_week [--days 7] [--json]
"""

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

from sqlalchemy import func, select

from benchmarks.pipeline import running_worker
from benchmarks.report import Bar, Report, conditions, parser, tell
from benchmarks.services import forget_environment, make_store, running_redis
from benchmarks.workload import write_documents
from qwenq.actions.request import JobRequest
from qwenq.embedded.session import environment_of
from qwenq.schedules import commands
from qwenq.schemas.schedules import CatchUp, Overlap, RunPolicy
from qwenq.schemas.settings import Settings
from qwenq.schemas.states import RunState
from qwenq.schemas.tables.core import jobs, results
from qwenq.schemas.tables.schedules import schedule_runs
from qwenq.store.database.store import Store
from qwenq.store.schedules.schedules import note_next_due
from qwenq.store.views.schedules.schedules import all_schedules

STEP = timedelta(minutes=5)
ZONE = "Europe/Warsaw"
CHANGE = datetime(2026, 10, 25, 1, tzinfo=UTC)
"""The clocks in Warsaw go back from 3 to 2: the middle of the simulation."""
KILLS = 3
AWAY = timedelta(hours=1)
SEED = 7
END_SECONDS = 120.0


class Beat:
    """A beat as a process that gets its time from this one."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._process = self._started()

    def tick(self, moment: datetime) -> None:
        """Start a tick at this moment."""
        if self._process.stdin is None:
            raise SystemExit("the beat has no input")
        self._process.stdin.write(f"{moment.isoformat()}\n")
        self._process.stdin.flush()

    def wait(self) -> None:
        """Wait until its tick has ended."""
        if self._process.stdout is None or self._process.stdout.readline() != "done\n":
            raise SystemExit("the beat ended by itself")

    def restart(self) -> bool:
        """Kill it and start another. Returns whether it was killed in the middle of a tick."""
        left = self.kill()
        self._process = self._started()
        return "done" not in left

    def kill(self) -> str:
        """Kill it with SIGKILL. Returns the rest of its output."""
        self._process.kill()
        left, _ = self._process.communicate()
        return left

    def _started(self) -> "subprocess.Popen[str]":
        process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.simulated_beat"],
            env={**environment_of(self._settings), "PATH": "/usr/bin:/bin"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        if process.stdout is None or process.stdout.readline() != "ready\n":
            raise SystemExit("a beat did not start")
        return process


def simulate(settings: Settings, days: float) -> int:
    """Simulate the days. Returns how many of the kills were in the middle of a tick."""
    moments = list(_moments(days))
    random = Random(SEED)
    kills = set(random.sample(range(1, len(moments) * 3 // 4), KILLS))
    away = range(len(moments) * 3 // 4, len(moments) * 3 // 4 + AWAY // STEP)
    beats = [Beat(settings), Beat(settings)]
    amid = 0
    try:
        for place, moment in enumerate(moments):
            if place in away:
                continue
            for beat in beats:
                beat.tick(moment)
            if place in kills:
                time.sleep(random.uniform(0.0, 0.05))
                amid += beats[0].restart()
                beats[1].wait()
                continue
            for beat in beats:
                beat.wait()
        _tick_until_ended(settings, beats, moments[-1])
    finally:
        for beat in beats:
            beat.kill()
    return amid


def _moments(days: float) -> Iterator[datetime]:
    steps = round(timedelta(days=days) / STEP)
    first = CHANGE - steps // 2 * STEP
    return (first + place * STEP for place in range(steps))


def _tick_until_ended(settings: Settings, beats: Sequence[Beat], moment: datetime) -> None:
    """Tick until all runs have ended: answers and the leases of killed beats take time."""
    with Store.of(settings) as store:
        deadline = time.monotonic() + END_SECONDS
        while time.monotonic() < deadline:
            for beat in beats:
                beat.tick(moment)
                beat.wait()
            with store.reading() as connection:
                left = connection.execute(
                    select(func.count())
                    .select_from(schedule_runs)
                    .where(schedule_runs.c.state.in_((RunState.DUE, RunState.RUNNING)))
                ).scalar_one()
            if not left:
                break
            time.sleep(0.2)


def count(report: Report, settings: Settings, days: float) -> None:
    """Compare runs, jobs and answers with the due times."""
    expected = list(_moments(days))
    with Store.of(settings) as store, store.reading() as connection:
        runs = connection.execute(select(schedule_runs)).all()
        names = connection.execute(select(jobs.c.idempotency_key)).scalars().all()
        answers = connection.execute(select(func.count()).select_from(results)).scalar_one()
    due = [run.due_at for run in runs]
    succeeded = sum(run.state == RunState.SUCCEEDED for run in runs)
    report.add("due times", len(expected), "")
    report.add("runs that succeeded", succeeded, "")
    for what, value in {
        "due times without a run": len(set(expected) - set(due)),
        "runs without a due time, or second runs of one": len(due) - len(set(due) & set(expected)),
        "runs that did not succeed": len(runs) - succeeded,
        "jobs beyond one a run": abs(len(names) - len(runs)) + len(names) - len(set(names)),
        "answers beyond one a run": abs(answers - len(runs)),
    }.items():
        report.bars.append(Bar(what, value, at_most=0))


def main() -> int:
    """Simulate and report. Returns the exit code."""
    options = parser("simulate a week of a five-minute schedule")
    options.add_argument("--days", type=float, default=7)
    arguments = options.parse_args()
    forget_environment()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        settings = Settings(home=folder / "home", model="echo", lease_seconds=2.0)
        make_store(settings)
        write_documents(folder / "one.jsonl", 1)
        with running_redis(settings) as redis, running_worker(settings):
            policy = RunPolicy(
                output=str(folder / "{run}.jsonl"), catch_up=CatchUp.ALL, overlap=Overlap.ALLOW
            )
            request = JobRequest(files=[str(folder / "one.jsonl")])
            commands.add("often", ("*/5 * * * *", ZONE), request, policy, settings)
            with Store.of(settings) as store, store.writing() as connection:
                note_next_due(connection, [(all_schedules(connection)[0].id, next(_moments(arguments.days)))])
            report = Report("scheduled week", conditions({"Redis": redis}, hours=round(24 * arguments.days)))
            began = time.perf_counter()
            amid = simulate(settings, arguments.days)
            report.add("beats killed and restarted", KILLS, "")
            report.add("of these in the middle of a tick", amid, "")
            report.add("duration of the simulation", time.perf_counter() - began, "s")
            count(report, settings, arguments.days)
    return tell(report, as_json=arguments.json)


if __name__ == "__main__":
    sys.exit(main())
