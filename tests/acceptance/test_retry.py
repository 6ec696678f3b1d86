"""`qwenq retry`: failed documents run again, and their earlier failures are kept."""

import csv
import json
from pathlib import Path

import pytest

from qwenq.embedded.session import environment_of
from qwenq.schemas.settings import Settings
from qwenq.store.database.store import Store
from tests.acceptance.failing_engine import FAULTY
from tests.audit import audit
from tests.builders import answer, chunks_of, claim_one, failure, finish, make_job, make_worker
from tests.commands import qwenq_here
from tests.processes import Fleet, read_jsonl, write_jsonl
from tests.services import Jobs

ROOT = Path(__file__).parents[2]


@pytest.fixture
def home(fleet: Fleet) -> dict[str, str]:
    """The environment of the test's services."""
    return dict(environment_of(fleet.settings))


@pytest.fixture
def job(fleet: Fleet, jobs: Jobs, folder: Path, home: dict[str, str], tmp_path: Path) -> str:
    """An ended job: two answers, two failures of the engine, an empty document, a bad row."""
    (tmp_path / "sitecustomize.py").write_text(
        "from tests.acceptance.failing_engine import install\n\ninstall()\n"
    )
    texts = ["one", f"{FAULTY} two", "three", f"{FAULTY} four", " "]
    path = write_jsonl(folder / "docs.jsonl", [{"id": f"d{n}", "text": text} for n, text in enumerate(texts)])
    with path.open("a") as file:
        file.write("{not json\n")
    worker = fleet.start("worker", "--model", "echo", env={"PYTHONPATH": f"{tmp_path}:{ROOT}"})
    submitted = qwenq_here("submit", path, "--model", "echo", "--wait", cwd=folder, env=home)
    assert submitted.returncode == 1, submitted.stderr
    worker.kill()
    job = submitted.stdout.strip()
    assert jobs.status(int(job)).documents.failed == 4
    return job


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_retry_runs_failures_of_one_code_again_and_keeps_their_history(
    fleet: Fleet, jobs: Jobs, folder: Path, home: dict[str, str], job: str
) -> None:
    retried = qwenq_here("retry", job, "--code", "generation_error", "--json", cwd=folder, env=home)
    assert retried.returncode == 0, retried.stderr
    counts = json.loads(retried.stdout)["documents"]
    assert (counts["pending"], counts["succeeded"], counts["failed"]) == (2, 2, 2)
    fleet.start("worker", "--model", "echo")
    followed = qwenq_here("status", job, "--watch", "--json", cwd=folder, env=home)
    status = json.loads(followed.stdout)
    assert (status["state"], status["documents"]["succeeded"]) == ("completed", 4)
    written = qwenq_here("results", job, "-o", "out.jsonl", "--history", "history.csv", cwd=folder, env=home)
    assert "2 retried failures: history.csv" in written.stderr
    assert [answer["text"] for answer in read_jsonl(folder / "out.jsonl")] == [
        "one", f"{FAULTY} two", "three", f"{FAULTY} four",
    ]  # fmt: skip
    with (folder / "history.csv").open(newline="") as file:
        history = list(csv.DictReader(file))
    assert [(line["custom_id"], line["round"], line["code"]) for line in history] == [
        ("d1", "1", "generation_error"), ("d3", "1", "generation_error"),
    ]  # fmt: skip
    with jobs.store.reading() as connection:
        audit(connection, int(job))
    again = qwenq_here("retry", job, cwd=folder, env=home)
    assert again.returncode == 0, again.stderr
    assert jobs.wait_until_ended(int(job)).documents.failed == 2
    qwenq_here("results", job, "-o", "out.csv", "--errors", "why.jsonl", cwd=folder, env=home)
    empty, bad = read_jsonl(folder / "why.jsonl")
    assert (empty["custom_id"], empty["attempts"]) == ("d4", 2)
    assert [past["error"]["code"] for past in empty["earlier"]] == ["empty_prompt"]  # type: ignore[attr-defined]
    assert (bad["custom_id"], bad["attempts"], bad["earlier"]) == (None, 0, [])


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_retry_is_refused_in_one_sentence_when_there_is_nothing_to_run(
    folder: Path, documents: Path, settings: Settings, store: Store
) -> None:
    home = environment_of(settings)
    job = make_job(store, documents=2)
    (chunk,) = chunks_of(store, job)
    finish(store, claim_one(store, chunk, make_worker(store)), [failure(0, "generation_error"), answer(1)])
    refused = qwenq_here("retry", str(job), "--code", "poison", cwd=folder, env=home)
    assert refused.returncode == 2
    assert f"Job {job} has no document to retry with the code poison" in refused.stderr
    assert "generation_error (1)" in refused.stderr
    submit = ("submit", documents, "--model", "nobody/serves-this")
    waiting = qwenq_here(*submit, cwd=folder, env=home).stdout.strip()
    assert f"qwenq status {waiting} --watch" in qwenq_here("retry", waiting, cwd=folder, env=home).stderr
    qwenq_here("cancel", waiting, cwd=folder, env=home)
    cancelled = qwenq_here("retry", waiting, cwd=folder, env=home)
    assert (cancelled.returncode, "submit them as a new job" in cancelled.stderr) == (2, True)
    assert cancelled.stderr.count("\n") == 1
