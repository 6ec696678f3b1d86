"""Options for tables: they win over what is found out, wherever they are given."""

import json
from pathlib import Path
from typing import Any

import pytest

from qwenq.api import submit
from qwenq.schemas.errors import InvalidParameter
from qwenq.schemas.settings import Settings
from qwenq.schemas.table_options import TableOptions
from tests.commands import qwenq_here
from tests.read_tables import MODEL


def test_options_win_over_what_would_be_found(tmp_path: Path) -> None:
    data = "title\nid;text\n1;señor\n".encode("cp1252")
    (tmp_path / "a.txt").write_bytes(data)
    options = ["--format", "csv", "--delimiter", ";", "--encoding", "cp1252", "--skip-rows", "1", "--header"]
    done = qwenq_here("run", "a.txt", *MODEL, *options, "--dry-run", "--json", cwd=tmp_path)
    assert json.loads(done.stdout)["prompts"][0]["messages"][0]["content"] == "señor"
    assert not done.stderr
    env = {"QWENQ_DELIMITER": "semicolon", "QWENQ_ENCODING": "cp1252", "QWENQ_SKIP_ROWS": "1"}
    done = qwenq_here("run", "a.txt", *MODEL, "--format", "csv", "--dry-run", "--json", cwd=tmp_path, env=env)
    assert json.loads(done.stdout)["documents"] == 1


def test_what_was_found_out_is_said_once_on_stderr(tmp_path: Path) -> None:
    for name in ("a.csv", "b.csv"):
        (tmp_path / name).write_bytes("id;text\n1;Größe, ja\n".encode("cp1250"))
    done = qwenq_here("run", "a.csv", "b.csv", *MODEL, "--dry-run", cwd=tmp_path)
    assert done.stderr.splitlines() == [
        "a.csv: cut by ';', read as cp1252",
        "b.csv: cut by ';', read as cp1252",
    ]


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("delimiter", ";;"),
        ("delimiter", '"'),
        ("encoding", "klingon"),
        ("encoding", "base64"),
        ("skip_rows", -1),
    ],
)
def test_options_that_cannot_be_used_are_refused(option: str, value: str | int) -> None:
    given: dict[str, Any] = {
        "delimiter": None,
        "encoding": None,
        "header": None,
        "skip_rows": 0,
        option: value,
    }
    with pytest.raises(InvalidParameter, match="--" + option.replace("_", "-")):
        TableOptions.of(**given)


def test_options_without_a_table_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"text": "x"}\n')
    done = qwenq_here("run", "a.jsonl", *MODEL, "--delimiter", ";", "--dry-run", cwd=tmp_path)
    assert "--delimiter" in done.stderr
    assert "none of the inputs is a CSV or TSV file" in done.stderr


def test_a_schedule_keeps_the_options_for_its_runs(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes("title\nid;text\n1;señor\n".encode("cp1252"))
    env = {"QWENQ_DATABASE_URL": f"sqlite:///{tmp_path}/store.db"}
    qwenq_here("db", "upgrade", cwd=tmp_path, env=env)
    options = ["--delimiter", ";", "--encoding", "cp1252", "--skip-rows", "1", "--header"]
    words = (
        "schedule",
        "add",
        "nightly",
        "--cron",
        "0 5 * * *",
        "--input",
        "a.csv",
        *MODEL,
        "--output",
        "out.csv",
    )
    added = qwenq_here(*words, *options, cwd=tmp_path, env=env)
    assert added.returncode == 0, added.stderr
    assert "a run would fail" not in added.stderr
    shown = json.loads(qwenq_here("schedule", "show", "nightly", "--json", cwd=tmp_path, env=env).stdout)
    assert '"skip_rows": 1' in json.dumps(shown)


def test_a_job_of_the_python_api_takes_the_options(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"1;Hello\n2;Bye\n")
    env = {"QWENQ_DATABASE_URL": f"sqlite:///{tmp_path}/store.db"}
    qwenq_here("db", "upgrade", cwd=tmp_path, env=env)
    settings = Settings(database_url=env["QWENQ_DATABASE_URL"])
    job = submit(
        [tmp_path / "a.csv"], model="m", text_column="column2", delimiter=";", header=False, settings=settings
    )
    assert job.documents.total == 2
