"""`qwenq run` typed again: it goes on after an interrupt, and begins anew after its answers are written."""

import os
import sqlite3
import subprocess
import sys
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

import pytest

from qwenq.embedded.home import one_shot_key
from qwenq.embedded.session import environment_of
from qwenq.schemas.jobs import JobSpec
from qwenq.schemas.settings import Settings
from tests.commands import qwenq_here
from tests.processes import read_jsonl, write_jsonl


@pytest.fixture
def docs(folder: Path) -> Path:
    """Two documents."""
    return write_jsonl(folder / "docs.jsonl", [{"id": "a", "text": "one"}, {"id": "b", "text": "two"}])


def test_run_loses_no_answer_when_the_results_file_cannot_be_written(folder: Path, docs: Path) -> None:
    (folder / "out").mkdir()
    late = folder / "late.py"
    late.write_text(
        "import sys, qwenq.embedded.one_shot as one_shot\n"
        "from qwenq.schemas.errors import OutputNotWritable\n"
        "def refuse(connection, job_id, path, *_, **__):\n"
        "    raise OutputNotWritable(path=str(path), reason='disk full')\n"
        "if sys.argv.pop(1) == 'full':\n"
        "    one_shot.write_answers = refuse\n"
        "from qwenq.cli import main\n"
        "main()\n"
    )
    command = ["run", "docs.jsonl", "--model", "echo", "-o", "out/answers.jsonl"]
    refused = _python(late, "full", *command, cwd=folder)
    assert refused[0] == 2
    assert "disk full" in refused[1]
    again = _python(late, "free", *command, cwd=folder)
    assert again[0] == 0, again[1]
    assert "going on with it" in again[1]
    assert [answer["text"] for answer in read_jsonl(folder / "out" / "answers.jsonl")] == ["one", "two"]
    assert list((folder / ".qwenq" / "one-shots").iterdir()) == []


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_run_resumes_its_job_that_was_paused_meanwhile_and_then_begins_a_new_one(
    folder: Path, docs: Path, settings: Settings, redis: None
) -> None:
    from qwenq.store.broker.broker import broker_url

    environment = {**environment_of(settings), "QWENQ_BROKER_URL": broker_url(settings)}
    key = one_shot_key(JobSpec(model="echo", sources=(str(docs),)), "")
    interrupted = qwenq_here("submit", docs, "--model", "echo", cwd=folder, env=environment).stdout.strip()
    assert qwenq_here("pause", interrupted, cwd=folder, env=environment).returncode == 0
    late = folder / "late.py"
    late.write_text(
        f"import qwenq.embedded.one_shot as one_shot\none_shot.one_shot_key = lambda *_: {key!r}\n"
        "from qwenq.cli import main\nmain()\n"
    )
    store = (settings.database_url or "").removeprefix("sqlite:///")
    with closing(sqlite3.connect(store)) as connection, connection:
        connection.execute("UPDATE jobs SET run_key = ?", (key,))
    again = _python(late, "run", str(docs), "--model", "echo", "-o", "out.jsonl", cwd=folder, env=environment)
    assert again[0] == 0, again[1]
    assert f"job {interrupted} was interrupted before: going on with it" in again[1]
    assert [answer["text"] for answer in read_jsonl(folder / "out.jsonl")] == ["one", "two"]
    with closing(sqlite3.connect(store)) as connection:
        assert connection.execute("SELECT run_key FROM jobs").fetchall() == [(None,)]
    anew = _python(late, "run", str(docs), "--model", "echo", "-o", "out.jsonl", cwd=folder, env=environment)
    assert "going on with it" not in anew[1]
    with closing(sqlite3.connect(store)) as connection:
        assert connection.execute("SELECT count(*) FROM jobs").fetchone() == (2,)


@pytest.mark.parametrize(
    "outputs",
    [
        ["-o", "docs.jsonl"],
        ["-o", "out.jsonl", "--errors", "out.jsonl"],
        ["-o", "out.jsonl", "--errors", "./docs.jsonl"],
    ],
    ids=["input", "both outputs", "errors over input"],
)
def test_an_output_that_is_an_input_or_another_output_is_refused(
    folder: Path, docs: Path, outputs: list[str]
) -> None:
    before = docs.read_text()
    refused = qwenq_here("run", "docs.jsonl", "--model", "echo", *outputs, cwd=folder)
    assert refused.returncode == 2
    assert len(refused.stderr.strip().splitlines()) == 1
    assert docs.read_text() == before


def test_run_says_at_once_that_the_broker_does_not_answer(folder: Path, docs: Path) -> None:
    environment = {
        "QWENQ_BROKER_URL": "redis://127.0.0.1:1/0",
        "QWENQ_DATABASE_URL": f"sqlite:///{folder / 'mine.db'}",
    }
    qwenq_here("db", "upgrade", cwd=folder, env=environment)
    refused = qwenq_here("run", docs, "--model", "echo", "-o", "out.jsonl", cwd=folder, env=environment)
    assert refused.returncode == 3
    assert "QWENQ_BROKER_URL" in refused.stderr


def _python(
    script: Path, *arguments: str, cwd: Path, env: Mapping[str, str] | None = None
) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, str(script), *arguments],
        cwd=cwd,
        env={**os.environ, **(env or {})},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stderr
