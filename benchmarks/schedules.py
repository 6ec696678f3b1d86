"""Measure scheduled runs: without changes, with a few changes, and many schedules due at once.

`qwenq schedule run --wait` starts a run and reads, submits, waits and delivers as beat does. One worker with the echo
engine generates the answers that the store does not have. All answers are compared with the documents. One `qwenq beat`
submits the schedules that are due at once.

    python -m benchmarks.schedules [--rows 100000] [--schedules 1000] [--json]
"""

import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import orjson
import psutil
from sqlalchemy import func, select

from benchmarks.pipeline import running_worker
from benchmarks.report import Bar, Report, conditions, parser, tell
from benchmarks.services import forget_environment, make_store, running_redis
from benchmarks.watched import Watched, watch
from benchmarks.workload import write_documents
from qwenq.actions.request import JobRequest
from qwenq.embedded.service import Service
from qwenq.embedded.session import environment_of
from qwenq.schedules import commands
from qwenq.schemas.schedules import RunPolicy, ScheduleRun
from qwenq.schemas.settings import Settings
from qwenq.schemas.states import RunState
from qwenq.schemas.tables.schedules import schedule_runs
from qwenq.store.database.clock import moment_of
from qwenq.store.database.store import Store
from qwenq.store.schedules.schedules import note_next_due
from qwenq.store.views.schedules.schedules import all_schedules

SECONDS_BAR = 60.0
MEMORY_BAR_MB = 30.0
CHANGED, NEW = 100, 50
SMALL_SHARE = 10
LOOK_EVERY_SECONDS = 0.1
STOP_SECONDS = 30.0


class Nightly:
    """A schedule of one file."""

    def __init__(self, settings: Settings, name: str, path: Path) -> None:
        self._settings = settings
        self._name = name
        self._path = path
        policy = RunPolicy(output=str(path.parent / "{schedule}-{run}.jsonl"))
        commands.add(name, ("0 2 * * *", "UTC"), JobRequest(files=[str(path)]), policy, settings)

    def run(self) -> tuple[ScheduleRun, Watched]:
        """Make a run up to its delivered answers, and compare all of them with the documents."""
        command = [sys.executable, "-m", "qwenq", "schedule", "run", self._name, "--wait"]
        watched = watch(command, environment_of(self._settings))
        run = commands.show(self._name, self._settings).runs[0]
        if run.state is not RunState.SUCCEEDED or run.output is None:
            raise SystemExit(f"the run failed: {run}")
        with self._path.open("rb") as lines, Path(run.output).open("rb") as answers:
            for line, answer in zip(lines, answers, strict=True):
                document, result = orjson.loads(line), orjson.loads(answer)
                if (document["id"], document["text"]) != (result["custom_id"], result["text"]):
                    raise SystemExit(f"a wrong answer: {result}")
        return run, watched

    def change(self) -> None:
        """Change some documents and add others."""
        lines = self._path.read_bytes().splitlines()
        step = len(lines) // CHANGED
        for place in range(CHANGED):
            document = orjson.loads(lines[place * step])
            lines[place * step] = orjson.dumps({**document, "text": f"changed: {document['text']}"})
        lines += [
            orjson.dumps({"id": f"new-{place}", "text": f"new document {place}"}) for place in range(NEW)
        ]
        self._path.write_bytes(b"\n".join(lines) + b"\n")


def measure_unchanged(report: Report, settings: Settings, folder: Path, rows: int, worker: Service) -> None:
    """Measure a first run, an unchanged run, and one with few changes. Compares memory with a tenth of the rows."""
    small, large = folder / "small.jsonl", folder / "large.jsonl"
    write_documents(small, rows // SMALL_SHARE)
    write_documents(large, rows)
    peaks: Mapping[str, list[float]] = {"command": [], "worker": []}
    for name, path in (("small", small), ("large", large)):
        nightly = Nightly(settings, name, path)
        _, first = nightly.run()
        run, unchanged = nightly.run()
        peaks["command"].append(unchanged.peak_mb)
        peaks["worker"].append(_resident_mb(worker))
    report.add(f"{rows:,} documents, the first run", first.wall_seconds, "s")
    report.add("nothing changed: from the command to delivered answers", unchanged.wall_seconds, "s")
    report.bars.append(Bar("nothing changed: seconds", unchanged.wall_seconds, at_most=SECONDS_BAR))
    report.bars.append(Bar("nothing changed: documents generated", _generated(run), at_most=0))
    for what, (less, more) in peaks.items():
        grown = more - less
        report.bars.append(
            Bar(f"memory of the {what}, MB more than with a tenth", grown, at_most=MEMORY_BAR_MB)
        )
    nightly.change()
    run, changed = nightly.run()
    report.add(
        f"{CHANGED} changed, {NEW} new: from the command to delivered answers", changed.wall_seconds, "s"
    )
    report.bars.append(
        Bar(
            f"{CHANGED} changed, {NEW} new: documents generated",
            _generated(run),
            CHANGED + NEW,
            CHANGED + NEW,
        )
    )


def measure_same_minute(report: Report, settings: Settings, folder: Path, count: int) -> None:
    """Measure how long one beat takes to submit many schedules that are due at once."""
    write_documents(folder / "one.jsonl", 1)
    policy = RunPolicy(output=str(folder / "{schedule}.jsonl"))
    for number in range(count):
        request = JobRequest(files=[str(folder / "one.jsonl")])
        commands.add(f"due-{number}", ("0 2 * * *", "UTC"), request, policy, settings)
    with Store.of(settings) as store:
        before = _submitted(store, 0)
        with running_beat(settings) as beat:
            with store.writing() as connection:
                due = moment_of(connection) - timedelta(seconds=1)
                mine = [one.id for one in all_schedules(connection) if one.name.startswith("due-")]
                note_next_due(connection, [(schedule_id, due) for schedule_id in mine])
            began = time.perf_counter()
            while _submitted(store, before) < count:
                beat.require_running()
                time.sleep(LOOK_EVERY_SECONDS)
            seconds = time.perf_counter() - began
    report.bars.append(
        Bar(f"{count:,} schedules due at once: seconds to submit all", seconds, at_most=SECONDS_BAR)
    )


@contextmanager
def running_beat(settings: Settings) -> Iterator[Service]:
    """Run beat as a process."""
    beat = Service.of_qwenq("beat", ["beat"], settings.home / "beat.log", environment_of(settings))
    try:
        yield beat
    finally:
        beat.ask_to_stop()
        beat.wait_until_stopped(STOP_SECONDS)


def _submitted(store: Store, before: int) -> int:
    """Count the runs with a job, less `before`."""
    with store.reading() as connection:
        made, submitted, failed = connection.execute(
            select(
                func.count(),
                func.count(schedule_runs.c.job_id),
                func.count().filter(schedule_runs.c.state.in_((RunState.FAILED, RunState.SKIPPED))),
            )
        ).one()
    if failed:
        raise SystemExit(f"{failed} of {made} runs failed or were skipped")
    return int(submitted) - before


def _generated(run: ScheduleRun) -> int:
    return (run.documents or 0) - (run.reused or 0)


def _resident_mb(worker: Service) -> float:
    children = psutil.Process(worker.pid).children(recursive=True)
    return max(child.memory_info().rss for child in children) / 1e6


def main() -> int:
    """Measure and report. Returns the exit code."""
    options = parser("measure scheduled runs")
    options.add_argument("--rows", type=int, default=100_000)
    options.add_argument("--schedules", type=int, default=1_000)
    arguments = options.parse_args()
    rows: int = arguments.rows
    forget_environment()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        settings = Settings(home=folder / "home", model="echo")
        make_store(settings)
        with running_redis(settings) as redis, running_worker(settings) as worker:
            report = Report("schedules", conditions({"Redis": redis}, rows=rows))
            measure_unchanged(report, settings, folder, rows, worker)
            measure_same_minute(report, settings, folder, arguments.schedules)
    return tell(report, as_json=arguments.json)


if __name__ == "__main__":
    sys.exit(main())
