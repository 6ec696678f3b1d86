"""`examples/analysis`: each template with its schema, as in its README, on one worker with the tiny model."""

import csv
import json
import re
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jsonschema
import pyarrow.parquet as pq
import pytest

from qwenq.embedded.session import environment_of
from tests.commands import qwenq_here
from tests.processes import TINY_MODEL, Fleet

FOLDER = TINY_MODEL.parent / "analysis"
COMMANDS = [
    shlex.split(line)
    for line in re.findall(r"^qwenq run (.*)$", (FOLDER / "README.md").read_text("utf-8"), re.MULTILINE)
]
TEMPLATES = ["summarize", "extract", "classify", "qa"]


def submitted(command: list[str]) -> list[str]:
    """The same command for a worker that is already running."""
    out = command.index("-o")
    return [str(TINY_MODEL) if word == "../tiny-qwen3" else word for word in command[:out]]


def answered(job: str, command: list[str], folder: Path, home: Mapping[str, str]) -> list[dict[str, Any]]:
    """A job's answers, in the file that the command writes."""
    out = folder / command[command.index("-o") + 1]
    written = qwenq_here("results", job, "-o", out, cwd=FOLDER, env=home)
    assert written.returncode == 0, written.stderr
    with out.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_answers_of_every_template_satisfy_its_schema(folder: Path, fleet: Fleet) -> None:
    assert [command[command.index("--template") + 1] for command in COMMANDS] == TEMPLATES
    home = dict(environment_of(fleet.settings))
    jobs: dict[str, str] = {}
    fleet.start("worker", "--model", str(TINY_MODEL))
    shown = [qwenq_here("submit", *submitted(command), cwd=FOLDER, env=home) for command in COMMANDS]
    asked = [json.loads(line)["id"] for line in (FOLDER / "documents.jsonl").read_text().splitlines()]
    for submission, command, template in zip(shown, COMMANDS, TEMPLATES, strict=True):
        assert submission.returncode == 0, submission.stderr
        job = jobs[template] = submission.stdout.strip()
        waited = qwenq_here("status", job, "--watch", "--json", cwd=FOLDER, env=home)
        assert json.loads(waited.stdout)["documents"]["succeeded"] == len(asked), waited.stdout
        rows = answered(job, command, folder, home)
        assert [row["custom_id"] for row in rows] == asked
        schema = json.loads((FOLDER / f"{template}.schema.json").read_text())
        for row in rows:
            jsonschema.validate(json.loads(row["text"]), schema)
            assert set(schema["properties"]) <= set(row)
    qwenq_here("results", jobs["classify"], "-o", folder / "labels.parquet", cwd=FOLDER, env=home)
    labels = pq.read_table(folder / "labels.parquet").to_pylist()
    assert [(row["label"], row["urgent"]) for row in labels] == [
        (answer["label"], answer["urgent"]) for answer in map(json.loads, (row["text"] for row in labels))
    ]
    ran = qwenq_here("report", jobs["qa"], "-o", folder / "qa.html", "--json", cwd=FOLDER, env=home)
    shown = json.loads(ran.stdout)
    page = (folder / "qa.html").read_text("utf-8")
    assert shown["device_seconds"] > 0
    assert shown["distributions"]["seconds"]["count"] == len(asked)
    assert all(
        f'aria-label="{title}.' in page for title in ("Answer lengths", "Response times", "Throughput")
    )
