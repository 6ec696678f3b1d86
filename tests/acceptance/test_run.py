"""`qwenq run`, as a newcomer types it."""

import csv
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from qwenq.schemas.settings import Settings
from tests.commands import qwenq_here
from tests.integration.trouble.slow_worker import slow_engine, texts
from tests.processes import TINY_MODEL, qwenq, read_jsonl, write_jsonl
from tests.waiting import eventually

EXAMPLES = TINY_MODEL.parent
DOCUMENTS = 40  # enough to interrupt the run between answers


def test_the_shipped_model_answers_the_shipped_invoices_correctly(folder: Path) -> None:
    out = folder / "answers.jsonl"
    ran = qwenq("run", EXAMPLES / "invoices.jsonl", "--model", TINY_MODEL, "-o", out, cwd=folder)
    assert ran.returncode == 0, ran.stderr
    asked = read_jsonl(EXAMPLES / "invoices.jsonl")
    answers = read_jsonl(out)
    assert [row["id"] for row in asked] == [answer["custom_id"] for answer in answers]
    right = [
        row
        for row, answer in zip(asked, answers, strict=True)
        if row["expected"] == str(answer["text"]).strip()
    ]
    assert len(right) >= 0.95 * len(asked)
    assert set(answers[0]) == {
        "custom_id", "text", "reasoning", "finish_reason", "usage", "model", "reused", "parts",
    }  # fmt: skip
    assert not (folder / ".qwenq" / "one-shots").exists() or not list(
        (folder / ".qwenq" / "one-shots").iterdir()
    )


def test_files_of_several_kinds_are_one_job_and_a_bad_row_harms_no_other_row(
    folder: Path, documents: Path
) -> None:
    line: dict[str, object] = {
        "custom_id": "request-1",
        "method": "POST",
        "url": "/v1/chat/completions",
        "body": {"model": "any", "messages": [{"role": "user", "content": "one two three"}], "max_tokens": 2},
    }
    write_jsonl(folder / "batch.jsonl", [line])
    ran = qwenq(
        "run", documents, "batch.jsonl", "-", "--format", "jsonl", "--model", "echo", "-o", "out.jsonl", "--json",
        cwd=folder, stdin='{"text": "from stdin"}\n',
    )  # fmt: skip
    assert ran.returncode == 1
    assert json.loads(ran.stdout)["documents"]["succeeded"] == 6
    *rows, openai, stdin = read_jsonl(folder / "out.jsonl")
    assert [answer["custom_id"] for answer in rows] == [f"doc-{number}" for number in range(4)]
    assert (openai["custom_id"], openai["text"], openai["finish_reason"]) == (
        "request-1",
        "one two",
        "length",
    )
    assert stdin["text"] == "from stdin"
    (error,) = read_jsonl(folder / "out.errors.jsonl")
    assert (error["custom_id"], error["line"]) == (None, 5)
    assert error["error"]["code"] == "invalid_row"  # type: ignore[index]
    assert "out.errors.jsonl" in ran.stderr


def test_a_csv_input_in_a_folder_with_any_name_gives_a_csv_output_with_a_prompt(tmp_path: Path) -> None:
    folder = tmp_path / f"C# docs? 100%41 x {'合同' * 20}"
    folder.mkdir()
    (folder / "people.csv").write_text('id,name,note\na,Ada,"line one\nline two"\nb,Bob,short\n')
    ran = qwenq(
        "run",
        "people.csv",
        "--model",
        "echo",
        "--prompt",
        "{{ name }}: {{ note }}",
        "-o",
        "out.csv",
        cwd=folder,
    )
    assert ran.returncode == 0, ran.stderr
    with (folder / "out.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["custom_id"], row["text"]) for row in rows] == [
        ("a", "Ada: line one\nline two"),
        ("b", "Bob: short"),
    ]


def test_run_says_in_one_sentence_that_there_is_no_such_model(folder: Path, documents: Path) -> None:
    ran = qwenq("run", documents, "--model", "./no-such-model", "-o", "out.jsonl", cwd=folder)
    assert ran.returncode == 3
    assert "./no-such-model" in ran.stderr
    assert "Traceback" not in ran.stderr


def test_ctrl_c_leaves_no_process_and_the_same_run_command_goes_on(folder: Path, tmp_path: Path) -> None:
    write_jsonl(folder / "docs.jsonl", [{"text": text} for text in texts(DOCUMENTS)])
    command = [sys.executable, "-m", "qwenq", "run", "docs.jsonl", "--model", "echo", "-o", "out.jsonl"]
    environment = {**os.environ, **slow_engine(tmp_path), "QWENQ_CHUNK_DOCUMENTS": "10"}
    running = subprocess.Popen(command, cwd=folder, env=environment, stderr=subprocess.PIPE, text=True)

    def answered() -> bool:
        stores = list(folder.glob(".qwenq/one-shots/*/qwenq.db"))
        return bool(stores) and _count_results(stores[0]) > 0

    eventually(answered, "some answers are there")
    started = psutil.Process(running.pid).children(recursive=True)
    assert len(started) >= 3  # Redis, the worker, its working process
    running.send_signal(signal.SIGINT)
    _, said = running.communicate(timeout=120)
    assert running.returncode == 130, said
    assert "the same command goes on" in said
    assert psutil.wait_procs(started, timeout=60)[1] == []
    (store,) = folder.glob(".qwenq/one-shots/*/qwenq.db")
    kept = _count_results(store)
    assert 0 < kept < DOCUMENTS
    os.utime(folder / "docs.jsonl")
    again = qwenq(*command[3:], cwd=folder, env={"QWENQ_CHUNK_DOCUMENTS": "10"})
    assert again.returncode == 0, again.stderr
    assert "going on with it" in again.stderr
    assert [answer["custom_id"] for answer in read_jsonl(folder / "out.jsonl")] == [
        str(n) for n in range(1, DOCUMENTS + 1)
    ]


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_run_uses_the_redis_and_the_postgresql_that_are_set(
    folder: Path, documents: Path, settings: Settings, redis: None
) -> None:
    from qwenq.store.broker.broker import socket_path

    environment = {
        "QWENQ_DATABASE_URL": settings.database_url or "",
        "QWENQ_BROKER_URL": f"redis+socket://{socket_path(settings)}",
    }
    ran = qwenq("run", documents, "--model", "echo", "-o", "out.jsonl", cwd=folder, env=environment)
    assert ran.returncode == 1, ran.stderr
    assert len(read_jsonl(folder / "out.jsonl")) == 4
    status = qwenq_here("status", "--json", cwd=folder, env=environment)
    assert [job["state"] for job in json.loads(status.stdout)] == ["completed"]


def _count_results(store: Path) -> int:
    import sqlite3
    from contextlib import closing

    with closing(sqlite3.connect(f"file:{store}?mode=ro", uri=True)) as connection:
        try:
            found: int = connection.execute("SELECT count(*) FROM results").fetchone()[0]
        except sqlite3.OperationalError:
            return 0
    return found
