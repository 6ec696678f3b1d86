"""Prompts by name on the command line: saved in versions, given values, shown with each job."""

import json
from pathlib import Path

import pytest

from tests.commands import qwenq_here


@pytest.fixture
def saved(folder: Path) -> Path:
    """A folder in whose store a template was saved twice."""
    (folder / "triage.j2").write_text("One of {{ labels }}: {{ text }}")
    first = qwenq_here("templates", "save", "triage", "--prompt-file", "triage.j2", cwd=folder)
    assert (first.returncode, first.stdout) == (0, "triage@1\n"), first.stderr
    second = qwenq_here(
        "templates", "save", "triage", "--prompt", "Which of {{ labels }}? {{ text }}", cwd=folder
    )
    assert second.stdout == "triage@2\n"
    return folder


def test_saved_templates_are_listed_and_shown_with_their_versions(saved: Path) -> None:
    assert "triage        version 2, saved " in qwenq_here("templates", cwd=saved).stdout
    listed = json.loads(qwenq_here("templates", "--json", cwd=saved).stdout)
    assert [(one["name"], one["version"]) for one in listed if "version" in one] == [("triage", 2)]
    assert (
        qwenq_here("templates", "show", "triage@1", cwd=saved).stdout == "One of {{ labels }}: {{ text }}\n"
    )
    shown = json.loads(qwenq_here("templates", "show", "triage", "--json", cwd=saved).stdout)
    assert (shown["label"], [one["version"] for one in shown["versions"]]) == ("triage, version 2", [2, 1])


def test_a_job_keeps_the_version_and_the_values_that_it_was_given(saved: Path) -> None:
    (saved / "mails.jsonl").write_text('{"text": "Buy now"}\n')
    asked = ("submit", "mails.jsonl", "--model", "echo", "--template", "triage", "--var", "labels=spam,ham")
    dry = qwenq_here(*asked, "--dry-run", cwd=saved)
    assert "Which of spam,ham? Buy now" in dry.stdout
    assert qwenq_here(*asked, cwd=saved).returncode == 0
    assert "template   triage, version 2\n" in qwenq_here("status", "1", cwd=saved).stdout
    qwenq_here("templates", "save", "triage", "--prompt", "New: {{ text }}", cwd=saved)
    shown = qwenq_here("show", "1", "1", cwd=saved)
    assert "Which of spam,ham? Buy now" in shown.stdout


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (("label=a",), "the prompt does not use label; it uses: labels, text"),
        (("labels",), "give NAME=VALUE, such as language=German"),
        (("labels=a", "labels=b"), "labels is given twice"),
    ],
)
def test_a_value_that_would_be_lost_is_refused(folder: Path, values: tuple[str, ...], said: str) -> None:
    (folder / "mails.jsonl").write_text('{"text": "Buy now"}\n')
    options = [word for value in values for word in ("--var", value)]
    asked = qwenq_here(
        "submit",
        "mails.jsonl",
        "--model",
        "echo",
        "--template",
        "classify",
        *options,
        "--dry-run",
        cwd=folder,
    )
    assert (asked.returncode, said in asked.stderr) == (2, True), asked.stderr


@pytest.mark.parametrize("options", [(), ("--prompt", "{{ text }}", "--prompt-file", "x.j2")], ids=len)
def test_saving_needs_exactly_one_prompt(folder: Path, options: tuple[str, ...]) -> None:
    saving = qwenq_here("templates", "save", "triage", *options, cwd=folder)
    assert (saving.returncode, "give one of them" in saving.stderr) == (2, True)
