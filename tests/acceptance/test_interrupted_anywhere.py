"""Ctrl-C, TERM and a closed terminal at random moments of a command's life: each ends it in the same way.

`make interrupts` draws many more moments.
"""

import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from qwenq.embedded.home import COMMAND_FILE
from qwenq.schemas.settings import Settings
from qwenq.store.database.opening import open_store
from tests.builders import answer_all, make_job, make_worker
from tests.processes import ONE_THREAD, qwenq, read_jsonl, write_jsonl

ROOT = Path(__file__).parents[2]
INTERRUPTED = 130
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
MOMENTS = int(os.environ.get("INTERRUPT_MOMENTS", "6"))
SEED = os.environ.get("INTERRUPT_SEED", "1")
SUBMIT = ("submit", "docs.jsonl", "--model", "echo", "--json")
RUN = ("run", "docs.jsonl", "--model", "echo", "-o", "out.jsonl")
WATCH = ("status", "2", "--watch")
RESULTS = ("results", "1", "-o", "out.jsonl")
DOCUMENTS = 20
NAMES = [f"d{place}" for place in range(DOCUMENTS)]
HOOK = '''
"""Sends this process a signal at its n-th call of a function, counted from where the command line begins."""

import atexit, os, sys

MOMENT, NUMBER = int(os.environ.pop("MOMENT")), int(os.environ.pop("NUMBER"))
count = -1

def count_calls(frame, event, _argument):
    global count
    code = frame.f_code
    if event == "call" and (count >= 0 or (code.co_name == "_exit_code" and "qwenq" in code.co_filename)):
        count += 1
        if count == MOMENT:
            os.kill(os.getpid(), NUMBER)

if MOMENT:
    sys.setprofile(count_calls)
if MOMENT < 0:
    atexit.register(lambda: print(count, file=sys.stderr))
'''
"""The `sitecustomize` of the process; it removes its variables, so that children send nothing."""


@pytest.fixture
def hooked(tmp_path: Path) -> Path:
    """A folder with two documents, and one with the hook beside it."""
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(HOOK)
    folder = tmp_path / "work"
    folder.mkdir()
    write_jsonl(folder / "docs.jsonl", [{"text": "one"}, {"text": "two"}])
    return folder


@pytest.fixture
def answered(hooked: Path) -> Path:
    """The same folder, with a store of two jobs: the first is answered, the second waits."""
    with open_store(Settings(home=hooked / ".qwenq")) as store:
        answer_all(store, make_job(store, DOCUMENTS), make_worker(store))
        make_job(store)
    return hooked


@pytest.fixture(scope="module")
def calls() -> dict[tuple[str, ...], int]:
    """How many functions each command calls; found out once."""
    return {}


def moments(share: int) -> pytest.MarkDecorator:
    """Draw moments, as shares of a command's calls: `share` twelfths of all moments of these tests."""
    count = max(1, MOMENTS * share // 12)
    draw = random.Random(SEED)
    drawn = [(place, (place + draw.random()) / count) for place in range(count)]
    return pytest.mark.parametrize(("place", "at"), drawn, ids=[f"{at:.4f}" for _, at in drawn])


@moments(4)
def test_a_submit_that_is_interrupted_anywhere_leaves_a_whole_job_or_none(
    hooked: Path, calls: dict[tuple[str, ...], int], place: int, at: float
) -> None:
    ended = _interrupted(hooked, SUBMIT, calls, place, at)
    jobs = _jobs(hooked)
    assert jobs in ([], [("queued", 2)])
    assert len(ended.stderr.strip().splitlines()) <= 3, ended.stderr
    if ended.returncode == 0:  # it was over before
        assert jobs
    else:
        assert ended.returncode == INTERRUPTED
        assert ended.stdout == "" or _stored_job(ended.stdout) == (1, 2)
        assert bool(jobs) == ("job 1 is stored and goes on; `qwenq cancel 1` stops it" in ended.stderr)


@moments(2)
def test_a_run_that_is_interrupted_anywhere_says_how_to_go_on_if_it_kept_something(
    hooked: Path, calls: dict[tuple[str, ...], int], place: int, at: float
) -> None:
    ended = _interrupted(hooked, RUN, calls, place, at)
    kept = list(hooked.glob(f".qwenq/one-shots/*/{COMMAND_FILE}"))
    if ended.returncode == 0:  # it was over before
        assert kept == []
    else:
        assert ended.returncode == INTERRUPTED
        assert bool(kept) == ("interrupted: the same command goes on from there" in ended.stderr)
    again = qwenq(*RUN, cwd=hooked)
    assert again.returncode == 0, again.stderr
    assert ("going on with it" in again.stderr) == bool(kept)
    assert [answer["text"] for answer in read_jsonl(hooked / "out.jsonl")] == ["one", "two"]


@moments(3)
def test_a_watch_that_is_interrupted_anywhere_ends_at_once_and_changes_nothing(
    answered: Path, calls: dict[tuple[str, ...], int], place: int, at: float
) -> None:
    # A watch of the waiting job does not end, so its calls are those of a watch of the other one, and more.
    calls.setdefault(WATCH, _calls_of(answered, ("status", "1", "--watch")))
    ended = _interrupted(answered, WATCH, calls, place, 1.5 * at)
    assert (ended.returncode, ended.stdout) == (INTERRUPTED, "")
    assert all(line.startswith("job 2 queued") for line in ended.stderr.split("\n") if line), ended.stderr
    assert _jobs(answered) == [("completed", DOCUMENTS), ("queued", 10)]


@moments(3)
def test_results_that_are_interrupted_anywhere_leave_the_old_file_or_the_whole_new_one(
    answered: Path, calls: dict[tuple[str, ...], int], place: int, at: float
) -> None:
    out = answered / "out.jsonl"
    ended = _interrupted(answered, RESULTS, calls, place, at, lambda: out.write_text("old"))
    assert (ended.returncode, ended.stdout) in [(INTERRUPTED, ""), (0, "")]
    text = out.read_text()
    assert text == "old" or [row["custom_id"] for row in read_jsonl(out)] == NAMES
    # It may be interrupted after the new file is in place, and before it says so.
    assert text != "old" or (ended.returncode == INTERRUPTED and "answers: " not in ended.stderr)
    assert {path.name for path in answered.iterdir()} == {"docs.jsonl", "out.jsonl", ".qwenq"}


def _interrupted(
    folder: Path,
    command: tuple[str, ...],
    calls: dict[tuple[str, ...], int],
    place: int,
    at: float,
    prepare: Callable[[], object] = lambda: None,
) -> "subprocess.CompletedProcess[str]":
    """Run a command that gets a signal at this share of its calls. It says no more than a person can use."""
    if command not in calls:
        calls[command] = _calls_of(folder, command)
        if command == SUBMIT:
            for path in (folder / ".qwenq").rglob("*.db*"):
                path.unlink()
    prepare()
    ended = _hooked(folder, command, max(1, round(calls[command] * at)), SIGNALS[place % len(SIGNALS)])
    assert "Traceback" not in ended.stderr
    return ended


def _stored_job(answer: str) -> tuple[int, int]:
    """The id and the number of documents in a whole answer of `submit --json`."""
    job = json.loads(answer)
    return job["id"], job["documents"]["total"]


def _calls_of(folder: Path, command: tuple[str, ...]) -> int:
    return int(_hooked(folder, command, -1, 0).stderr.split()[-1])


def _hooked(
    folder: Path, command: tuple[str, ...], moment: int, number: int
) -> "subprocess.CompletedProcess[str]":
    environment = {
        "PYTHONPATH": f"{folder.parent / 'site'}:{ROOT}",
        "MOMENT": str(moment),
        "NUMBER": str(number),
    }
    return subprocess.run(
        [sys.executable, "-m", "qwenq", *command],
        cwd=folder,
        env={**os.environ, **ONE_THREAD, **environment},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


def _jobs(folder: Path) -> list[tuple[str, int]]:
    path = folder / ".qwenq" / "qwenq.db"
    if not path.exists():
        return []
    with closing(sqlite3.connect(path)) as connection:
        if not connection.execute("SELECT count(*) FROM sqlite_master WHERE name = 'jobs'").fetchone()[0]:
            return []
        asked = "SELECT state, (SELECT count(*) FROM documents WHERE job_id = jobs.id) FROM jobs ORDER BY id"
        found: list[tuple[str, int]] = connection.execute(asked).fetchall()
        return found
