"""`qwenq submit`, `status`, `results` and `cancel`, as a user types them."""

import json
from pathlib import Path

import pytest

from tests.commands import qwenq_here
from tests.processes import Fleet, qwenq, read_jsonl, write_jsonl

STATUS_KEYS = {
    "id", "tenant", "name", "state", "model", "submitter", "documents", "usage", "tokens_per_second",
    "created_at", "started_at", "finished_at", "last_change", "template", "sampling", "loading", "still_seconds",
    "percent", "seconds_left",
    "worker_failure",
}  # fmt: skip
COUNT_KEYS = {
    "total", "pending", "running", "succeeded", "failed", "cancelled", "reused", "cut", "empty", "reasoning_cut",
    "reasoning_ended",
}  # fmt: skip


@pytest.fixture
def home(fleet: Fleet) -> dict[str, str]:
    """The environment of the test's services: a store, a Redis, a home folder."""
    from qwenq.embedded.session import environment_of

    return dict(environment_of(fleet.settings))


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_submit_wait_prints_the_job_and_results_writes_answers_and_errors(
    folder: Path, documents: Path, fleet: Fleet, home: dict[str, str]
) -> None:
    fleet.start("worker", "--model", "echo")
    submitted = qwenq("submit", documents, "--model", "echo", "--wait", cwd=folder, env=home)
    assert submitted.returncode == 1, submitted.stderr
    job = submitted.stdout.strip()
    assert job.isdigit()
    assert "1 bad row of 5" in submitted.stderr
    status = json.loads(qwenq_here("status", job, "--json", cwd=folder, env=home).stdout)
    assert set(status) == STATUS_KEYS
    assert set(status["documents"]) == COUNT_KEYS
    assert status["state"] == "completed"
    assert status["documents"] == {
        "total": 5, "pending": 0, "running": 0, "succeeded": 4, "failed": 1, "cancelled": 0, "reused": 0,
        "cut": 0, "empty": 0, "reasoning_cut": 0, "reasoning_ended": 0,
    }  # fmt: skip
    assert status["finished_at"].endswith("Z")
    printed = qwenq_here("results", job, cwd=folder, env=home)
    assert [json.loads(line)["custom_id"] for line in printed.stdout.splitlines()] == [
        f"doc-{n}" for n in range(4)
    ]
    assert "1 document without an answer; --errors FILE writes the reasons" in printed.stderr
    assert qwenq_here("results", job, "--errors", "why.jsonl", cwd=folder, env=home).stdout == ""
    assert read_jsonl(folder / "why.jsonl")[0]["line"] == 5


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_cancel_ends_a_waiting_job_and_is_refused_for_an_ended_one(
    folder: Path, documents: Path, home: dict[str, str]
) -> None:
    job = qwenq_here(
        "submit", documents, "--model", "nobody/serves-this", cwd=folder, env=home
    ).stdout.strip()
    in_her_name = {**home, "QWENQ_SUBMITTER": "anna@office"}
    cancelled = json.loads(qwenq_here("cancel", job, "--json", cwd=folder, env=in_her_name).stdout)
    assert (cancelled["last_change"]["change"], cancelled["last_change"]["by"]) == (
        "cancelled",
        "anna@office",
    )
    assert (cancelled["state"], cancelled["documents"]["cancelled"]) == ("cancelled", 4)
    assert "changed    cancelled by anna@office, " in qwenq_here("status", job, cwd=folder, env=home).stdout
    again = qwenq_here("cancel", job, cwd=folder, env=home)
    assert again.returncode == 2
    assert "can no longer be cancelled" in again.stderr


def test_submit_succeeds_without_a_broker_and_says_so(folder: Path, documents: Path) -> None:
    submitted = qwenq_here("submit", documents, "--model", "echo", cwd=folder)
    assert submitted.returncode == 0
    assert submitted.stdout.strip() == "1"
    assert (
        f"starts once `qwenq up --model echo` runs with this home folder: {folder}/.qwenq" in submitted.stderr
    )
    listed = qwenq_here("status", cwd=folder)
    assert "docs.jsonl" in listed.stdout
    assert "queued" in listed.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["docs.jsonl"], "--model"),
        (["missing.jsonl", "--model", "echo"], "missing.jsonl"),
        (["docs.jsonl", "--model", "echo", "--prompt", "{{ titel }}"], "titel"),
        (["docs.jsonl", "--model", "echo", "--prompt", "{{ text"], "line 1"),
        (["docs.jsonl", "--model", "echo", "--text-column", "body"], "body"),
        (["bad.jsonl", "--model", "echo"], "broken JSON"),
        (["docs.jsonl", "--model", "echo", "--temperature", "-1"], "temperature"),
        (["docs.jsonl", "--model", "echo", "--template", "sumarize"], "summarize"),
        (["docs.xyz", "--model", "echo"], "--format"),
        (["docs/*.csv", "--model", "echo"], "docs/*.csv"),
        (["docs.jsonl", "--model", "echo", "--sheet", "May"], "--sheet"),
    ],
    ids=lambda value: value[-1] if isinstance(value, list) else "",
)
def test_submit_refuses_bad_input_in_one_line_and_stores_nothing(
    folder: Path, documents: Path, arguments: list[str], said: str
) -> None:
    (folder / "bad.jsonl").write_text("{\n[1]\n")
    (folder / "docs.xyz").write_text("hello\n")
    refused = qwenq_here("submit", *arguments, cwd=folder)
    assert refused.returncode == 2
    assert refused.stdout == ""
    assert said in refused.stderr
    assert len(refused.stderr.strip().splitlines()) == 1
    assert json.loads(qwenq_here("status", "--json", cwd=folder).stdout) == []


def test_a_dry_run_shows_prompts_and_an_estimate_and_stores_nothing(folder: Path, documents: Path) -> None:
    seen = qwenq_here(
        "submit", documents, "--model", "echo", "--prompt", "Answer: {{ text }}", "--dry-run", cwd=folder
    )
    assert seen.returncode == 0, seen.stderr
    assert "Answer: Total: 0.50" in seen.stdout
    assert "4 documents, 1 bad row, about" in seen.stdout
    assert not (folder / ".qwenq" / "qwenq.db").exists()


def test_an_unknown_job_is_refused_by_its_number(folder: Path, documents: Path) -> None:
    assert qwenq_here("submit", documents, "--model", "echo", cwd=folder).returncode == 0
    missing = qwenq_here("status", "7", cwd=folder)
    assert missing.returncode == 2
    assert "There is no job 7" in missing.stderr


def test_a_row_with_an_id_of_a_hundred_thousand_characters_is_a_bad_row(folder: Path) -> None:
    write_jsonl(folder / "docs.jsonl", [{"id": "x" * 100_000, "text": "a"}, {"id": "y", "text": "b"}])
    submitted = qwenq_here("submit", "docs.jsonl", "--model", "echo", "--json", cwd=folder)
    assert json.loads(submitted.stdout)["documents"]["failed"] == 1


def test_a_damaged_model_folder_is_told_before_its_job_is_stored(folder: Path, documents: Path) -> None:
    model = folder / "model"
    model.mkdir()
    (model / "config.json").write_text("version https://git-lfs.github.com/spec/v1\n")
    done = qwenq_here("submit", documents, "--model", model, cwd=folder)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("its config.json is a pointer of git LFS") == 1
    assert done.stderr.index("pointer of git LFS") < done.stderr.index("a new store was made")
