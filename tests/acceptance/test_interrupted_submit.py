"""Ctrl-C and TERM while documents are stored: nothing is left behind."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from tests.commands import qwenq_here
from tests.processes import ONE_THREAD
from tests.waiting import eventually

ROWS = 200_000
BATCH = 10_000
INTERRUPTED = 130


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Many short documents: storing them takes a while."""
    path = tmp_path_factory.mktemp("many") / "many.jsonl"
    path.write_text("".join(f'{{"id": "d{number}", "text": "a"}}\n' for number in range(ROWS)))
    return path


@pytest.mark.parametrize(
    ("moment", "number"), [(0, signal.SIGINT), (BATCH, signal.SIGTERM), (3 * BATCH, signal.SIGINT)]
)
def test_a_submit_that_is_interrupted_leaves_nothing_and_no_lock(
    folder: Path, many: Path, documents: Path, number: signal.Signals, moment: int
) -> None:
    submit = _start(folder, "submit", many, "--model", "echo")
    eventually(lambda: _stored(folder) >= moment, "documents are stored")
    # `timeout` sends its signal twice.
    submit.send_signal(number)
    submit.send_signal(number)
    assert _ended(submit) == (INTERRUPTED, "", "")
    assert _stored(folder) == -1
    again = qwenq_here("submit", documents, "--model", "echo", "--json", cwd=folder)
    assert json.loads(again.stdout)["documents"]["total"] == 5, again.stderr


def test_a_submit_that_waits_for_its_input_is_interrupted_at_once(folder: Path) -> None:
    submit = _start(folder, "submit", "-", "--format", "jsonl", "--model", "echo", stdin=subprocess.PIPE)
    assert submit.stdin is not None
    submit.stdin.write('{"text": "a"}\n' * 2_000)
    submit.stdin.flush()
    eventually(lambda: _stored(folder) >= 0, "the job is begun")
    submit.send_signal(signal.SIGINT)
    assert submit.wait(120) == INTERRUPTED
    assert _stored(folder) == -1
    submit.communicate()


def test_a_submit_that_is_interrupted_after_storing_says_that_its_job_goes_on(
    folder: Path, documents: Path
) -> None:
    submit = _start(folder, "submit", documents, "--model", "echo", "--wait", "--json")
    eventually(lambda: _state(folder) == "queued", "the job is stored")
    submit.send_signal(signal.SIGTERM)
    code, printed, said = _ended(submit)
    assert (code, printed) == (INTERRUPTED, "")
    assert "job 1 is stored and goes on; `qwenq cancel 1` stops it" in said


def test_a_submit_whose_terminal_is_closed_ends_as_one_that_is_interrupted(
    folder: Path, documents: Path
) -> None:
    terminal, its_end = os.openpty()
    submit = _start(folder, "submit", documents, "--model", "echo", "--wait", stderr=its_end)
    os.close(its_end)
    eventually(lambda: _state(folder) == "queued", "the job is stored")
    # Both at once, as when a terminal is closed.
    submit.send_signal(signal.SIGSTOP)
    submit.send_signal(signal.SIGHUP)
    os.close(terminal)
    submit.send_signal(signal.SIGCONT)
    submit.communicate(timeout=120)
    assert submit.returncode == INTERRUPTED
    assert _state(folder) == "queued"


def test_a_job_that_is_cancelled_while_it_is_stored_stays_cancelled(folder: Path, many: Path) -> None:
    submit = _start(folder, "submit", many, "--model", "echo", "--json")
    eventually(lambda: _stored(folder) >= BATCH, "documents are stored")
    cancelled = qwenq_here("cancel", "1", cwd=folder)
    assert cancelled.returncode == 0, cancelled.stderr
    code, printed, said = _ended(submit)
    status = json.loads(printed)
    assert (code, status["state"]) == (1, "cancelled")
    assert "job 1 was cancelled meanwhile" in said
    assert status["documents"]["cancelled"] == status["documents"]["total"] == _stored(folder) < ROWS


def _start(
    folder: Path, *arguments: str | Path, stdin: int | None = None, stderr: int = subprocess.PIPE
) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "qwenq", *map(str, arguments)],
        cwd=folder,
        env={**os.environ, **ONE_THREAD},
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=stderr,
        text=True,
    )


def _ended(submit: subprocess.Popen[str]) -> tuple[int, str, str]:
    printed, said = submit.communicate(timeout=120)
    return submit.returncode, printed, said.strip()


def _stored(folder: Path) -> int:
    """How many documents the store holds; -1 while it has no job."""
    if _state(folder) is None:
        return -1
    last: int | None = _asked(folder, "SELECT max(seq) FROM documents WHERE job_id = 1")
    return 0 if last is None else last + 1


def _state(folder: Path) -> str | None:
    state: str | None = _asked(folder, "SELECT max(state) FROM jobs")
    return state


def _asked(folder: Path, question: str):  # type: ignore[no-untyped-def]  # noqa: ANN202 - a value of any column
    path = folder / ".qwenq" / "qwenq.db"
    if not path.exists():
        return None
    try:
        with closing(sqlite3.connect(path)) as connection:
            return connection.execute(question).fetchone()[0]
    except sqlite3.OperationalError:
        return None  # its tables are still being made
