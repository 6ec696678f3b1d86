"""Names, ids, answers and files with control characters: people see signs, programs get what was there."""

import json
import logging
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from qwenq.schemas.log.lines import LogLines
from qwenq.store.broker.broker import queue_name
from tests.commands import qwenq_here
from tests.processes import qwenq, write_jsonl

ESCAPES = "\x1b]52;c;ZXZpbA==\x07 \x9b31m \u202eevil\u2066 \x7f\x08"
OBEYED = set("\x1b\x07\x9b\u202e\u2066\x7f\x08\r")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a job and a schedule whose texts are full of control characters."""
    rows: list[dict[str, object]] = [
        {"id": f"i{number}", "text": f"{number} {ESCAPES}"} for number in range(2)
    ]
    write_jsonl(tmp_path / "docs.jsonl", [*rows, {"id": "bad" + "\x1b[2J", "text": ESCAPES}])
    named = ("--name", f"name {ESCAPES}")
    environment = {"QWENQ_SUBMITTER": f"me {ESCAPES}"}
    done = qwenq_here("submit", "docs.jsonl", "--model", "echo", *named, cwd=tmp_path, env=environment)
    assert done.returncode in (0, 2), done.stderr
    return tmp_path


def check_for_people(said: str) -> None:
    assert OBEYED & set(said) == set()


@pytest.mark.parametrize(
    "words",
    [
        ("status",),
        ("status", "1"),
        ("metrics", "1"),
        ("health",),
        ("check",),
        ("results", "1"),
        ("pause", "1"),
        ("retry", "1"),
        ("db", "prune", "--older-than", "1d"),
        ("schedule", "list"),
        ("schedule", "show", f"x{ESCAPES}"),
        ("templates", "show", f"x{ESCAPES}"),
        ("submit", "--dry-run", "docs.jsonl", "--model", "echo"),
        ("submit", f"no{ESCAPES}", "--model", "echo"),
        ("submit", "docs.jsonl", "--model", "echo", "--prompt", f"{{{{ {ESCAPES} }}}}"),
        ("submit", "docs.jsonl", "--model", "echo", "--idempotency-key", ESCAPES),
        ("submit", "docs.jsonl", "--priority", ESCAPES),
        ("status", ESCAPES),
        (ESCAPES,),
        (f"--{ESCAPES}",),
    ],
    ids=ascii,
)
def test_what_a_command_says_holds_no_control_character(folder: Path, words: tuple[str, ...]) -> None:
    # A check of a real model would start its engine.
    done = qwenq_here(*words, cwd=folder, env={"QWENQ_MODEL": "echo"} if words == ("check",) else None)
    check_for_people(done.stderr)
    check_for_people("" if words[0] == "results" else done.stdout)


def test_the_json_of_a_status_is_exact(folder: Path) -> None:
    (job,) = json.loads(qwenq_here("status", "--json", cwd=folder).stdout)
    assert job["submitter"] == f"me {ESCAPES}"


def test_a_run_shows_signs_and_writes_the_answers_exactly(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "docs.jsonl", [{"text": f"one {ESCAPES}"}])
    done = qwenq("run", "docs.jsonl", "--model", "echo", "-o", "out.jsonl", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    check_for_people(done.stderr + done.stdout)
    assert "␛]52;c;" in done.stderr
    (answer,) = (tmp_path / "out.jsonl").read_text("utf-8").split("\n")[:-1]
    assert json.loads(answer)["text"] == f"one {ESCAPES}"
    shown = _on_a_terminal(tmp_path, "run", "docs.jsonl", "--model", "echo", "-o", "again.jsonl")
    assert "]52;c;" in shown
    assert "\x1b]52;" not in shown
    assert "\u202e" not in shown


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_a_log_line_holds_no_control_character(log_format: str) -> None:
    record = logging.LogRecord("qwenq.test", logging.INFO, "", 1, f"said {ESCAPES}", (), None)
    record.worker = f"name {ESCAPES}"
    line = LogLines("json" if log_format == "json" else "text").format(record)
    check_for_people(line)
    if log_format == "json":
        assert json.loads(line)["worker"] == f"name {ESCAPES}"


def test_the_names_of_workers_hold_no_control_character() -> None:
    check_for_people(queue_name(f"model{ESCAPES}"))


def _on_a_terminal(folder: Path, *words: str) -> str:
    """Run a command on a terminal of its own: what the terminal gets."""
    mine, theirs = pty.openpty()
    command = [sys.executable, "-m", "qwenq", *words]
    with subprocess.Popen(command, cwd=folder, stdin=theirs, stdout=theirs, stderr=theirs):
        os.close(theirs)
        parts = []
        try:
            while part := os.read(mine, 65_536):
                parts.append(part)
        except OSError:  # Linux says so that the other end is closed
            pass
    os.close(mine)
    return b"".join(parts).decode("utf-8", "replace")
