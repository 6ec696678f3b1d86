"""Ctrl-C, TERM and a closed terminal at moments all over a command's life: each ends it in the same way."""

import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from tests.processes import ONE_THREAD, qwenq, read_jsonl, write_jsonl

ROOT = Path(__file__).parents[2]
INTERRUPTED = 130
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
MOMENTS = 9
SUBMIT = ("submit", "docs.jsonl", "--model", "echo", "--json")
RUN = ("run", "docs.jsonl", "--model", "echo", "-o", "out.jsonl")
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


@pytest.fixture(scope="module")
def calls() -> dict[tuple[str, ...], int]:
    """How many functions each command calls; found out once."""
    return {}


@pytest.mark.parametrize("moment", range(MOMENTS))
def test_a_submit_that_is_interrupted_anywhere_leaves_a_whole_job_or_none(
    hooked: Path, calls: dict[tuple[str, ...], int], moment: int
) -> None:
    ended = _interrupted(hooked, SUBMIT, calls, moment, MOMENTS)
    jobs = _jobs(hooked)
    assert jobs in ([], [("queued", 2)])
    assert len(ended.stderr.strip().splitlines()) <= 2, ended.stderr
    assert "Traceback" not in ended.stderr
    if ended.returncode == 0:  # it was over before
        assert jobs
    else:
        assert (ended.returncode, ended.stdout) == (INTERRUPTED, "")
        assert bool(jobs) == ("job 1 is stored and goes on" in ended.stderr)


@pytest.mark.parametrize("moment", range(3))
def test_a_run_that_is_interrupted_anywhere_is_done_by_the_same_command(
    hooked: Path, calls: dict[tuple[str, ...], int], moment: int
) -> None:
    ended = _interrupted(hooked, RUN, calls, moment, 3)
    assert ended.returncode in (INTERRUPTED, 0)  # 0: it was over before
    assert "Traceback" not in ended.stderr
    again = qwenq(*RUN, cwd=hooked)
    assert again.returncode == 0, again.stderr
    assert [answer["text"] for answer in read_jsonl(hooked / "out.jsonl")] == ["one", "two"]


def _interrupted(
    folder: Path, command: tuple[str, ...], calls: dict[tuple[str, ...], int], moment: int, moments: int
) -> "subprocess.CompletedProcess[str]":
    if command not in calls:
        calls[command] = int(_hooked(folder, command, -1, 0).stderr.split()[-1])
        for path in (folder / ".qwenq").rglob("*.db*"):
            path.unlink()
    at = round(calls[command] * (moment + 0.5) / moments)
    return _hooked(folder, command, at, SIGNALS[moment % len(SIGNALS)])


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
        asked = "SELECT state, (SELECT count(*) FROM documents WHERE job_id = jobs.id) FROM jobs"
        found: list[tuple[str, int]] = connection.execute(asked).fetchall()
        return found
