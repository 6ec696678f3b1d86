"""A shell completes commands, files, models, templates, jobs and schedules."""

from pathlib import Path

import pytest
from click.shell_completion import BashComplete

from qwenq.cli.group import group
from tests.commands import qwenq_here


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder, and a hub's cache with one model."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    (tmp_path / "hub" / "models--Qwen--Qwen3-8B").mkdir(parents=True)
    return tmp_path


def offered(*words: str) -> list[tuple[str, str]]:
    """What is offered for the last word: its kind (plain, file, dir) and the value."""
    complete = BashComplete(group, {}, "qwenq", "_QWENQ_COMPLETE")
    return [(one.type, one.value) for one in complete.get_completions(list(words[:-1]), words[-1])]


def test_commands_are_completed_without_importing_them(here: Path) -> None:
    assert offered("ru") == [("plain", "run"), ("plain", "runs")]
    assert ("plain", "list") in offered("schedule", "")


@pytest.mark.parametrize(
    "words",
    [
        ("run", "re"), ("run", "a.csv", "-o", "re"), ("run", "--prompt-file", "re"), ("submit", "re"),
        ("results", "1", "--errors", "re"), ("report", "1", "-o", "re"), ("schedule", "add", "n", "--input", "re"),
    ],
)  # fmt: skip
def test_files_are_left_to_the_shell(here: Path, words: tuple[str, ...]) -> None:
    assert offered(*words) == [("file", "re")]


def test_templates_and_error_codes_are_completed(here: Path) -> None:
    assert offered("run", "--template", "s") == [("plain", "summarize")]
    assert offered("templates", "show", "cl") == [("plain", "classify")]
    assert ("plain", "out_of_memory") in offered("retry", "1", "--code", "out")


def test_jobs_and_their_models_are_completed_from_the_store(here: Path) -> None:
    (here / "docs.jsonl").write_text('{"text": "a"}\n')
    assert qwenq_here("submit", "docs.jsonl", "--model", "Qwen/other", cwd=here).returncode == 0
    assert offered("results", "") == [("plain", "1")]
    assert offered("status", "2") == []
    assert offered("worker", "--model", "Q") == [("plain", "Qwen/Qwen3-8B"), ("plain", "Qwen/other")]


def test_without_a_store_nothing_is_offered_and_none_is_made(here: Path) -> None:
    assert offered("results", "") == offered("schedule", "show", "") == []
    assert offered("worker", "--model", "Q") == [("plain", "Qwen/Qwen3-8B")]
    assert offered("worker", "--model", "./t") == [("dir", "./t")]
    assert not (here / ".qwenq").exists()
