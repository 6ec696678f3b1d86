"""`--reuse`, as a user types it."""

import json
from pathlib import Path

import pytest
from sqlalchemy import func, select

from qwenq.embedded.session import environment_of
from qwenq.schemas.tables.core import batches, workers
from qwenq.store.database.store import Store
from tests.commands import qwenq_here
from tests.processes import TINY_MODEL, Fleet, qwenq, read_jsonl


def generated(store: Store) -> int:
    """How many documents the workers generated answers for."""
    with store.reading() as connection:
        counted: int = connection.execute(select(func.coalesce(func.sum(batches.c.rows), 0))).scalar_one()
    return counted


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_second_job_with_reuse_takes_its_answers_from_the_first(
    folder: Path, documents: Path, fleet: Fleet, store: Store
) -> None:
    home = dict(environment_of(fleet.settings))
    fleet.start("worker", "--model", str(TINY_MODEL))
    submit = ("submit", documents, "--model", str(TINY_MODEL), "--max-new-tokens", "8", "--wait", "--json")
    first = json.loads(qwenq_here(*submit, "--reuse", cwd=folder, env=home).stdout)
    assert (first["documents"]["succeeded"], first["documents"]["reused"]) == (4, 0)
    assert generated(store) == 4
    second = json.loads(qwenq_here(*submit, cwd=folder, env={**home, "QWENQ_REUSE": "1"}).stdout)
    assert (second["documents"]["succeeded"], second["documents"]["reused"]) == (4, 4)
    assert second["usage"]["completion_tokens"] == 0
    assert generated(store) == 4
    for job, name in ((first, "first.jsonl"), (second, "second.jsonl")):
        qwenq_here("results", str(job["id"]), "-o", name, cwd=folder, env=home)
    before, after = read_jsonl(folder / "first.jsonl"), read_jsonl(folder / "second.jsonl")
    assert [line["text"] for line in before] == [line["text"] for line in after]
    assert [line["reused"] for line in before + after] == [False] * 4 + [True] * 4
    shown = qwenq_here("status", str(second["id"]), cwd=folder, env=home).stdout
    assert "4 succeeded, 4 of them reused" in shown
    with store.reading() as connection:
        assert all(connection.execute(select(workers.c.revision)).scalars())


def test_run_with_reuse_answers_identical_rows_once(folder: Path) -> None:
    (folder / "docs.csv").write_text("id,text\n" + "".join(f"{number},same\n" for number in range(9)))
    done = qwenq("run", "docs.csv", "--model", "echo", "--reuse", "-o", "out.csv", "--json", cwd=folder)
    assert json.loads(done.stdout)["documents"]["reused"] == 8, done.stderr
    header, *lines = (folder / "out.csv").read_text().splitlines()
    reused = header.split(",").index("reused")
    assert [line.split(",")[reused] for line in lines] == ["false"] + ["true"] * 8
