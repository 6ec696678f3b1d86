"""`qwenq --help`, `db`, `check`, `templates`, and where settings come from."""

import json
import re
from pathlib import Path

import pytest

from qwenq.cli.group import group
from qwenq.worker.engines.transformers.loading import trial
from tests.commands import qwenq_here
from tests.processes import TINY_MODEL, qwenq


def test_help_lists_every_command(folder: Path) -> None:
    told = qwenq("--help", cwd=folder).stdout
    for name in group.commands or group.list_commands(None):  # type: ignore[arg-type]
        assert re.search(rf"^  {name} ", told, re.MULTILINE), name


def test_an_option_is_read_from_its_environment_twin(folder: Path, documents: Path) -> None:
    seen = qwenq_here(
        "submit", documents, "--dry-run", cwd=folder,
        env={"QWENQ_MODEL": "echo", "QWENQ_PROMPT": "Asked: {{ text }}"},
    )  # fmt: skip
    assert "Asked: Total: 0.50" in seen.stdout, seen.stderr


def test_a_store_without_tables_names_the_command_that_makes_them(folder: Path, documents: Path) -> None:
    environment = {"QWENQ_DATABASE_URL": f"sqlite:///{folder / 'mine.db'}"}
    refused = qwenq_here("submit", documents, "--model", "echo", cwd=folder, env=environment)
    assert refused.returncode == 3
    assert "`qwenq db upgrade`" in refused.stderr
    upgraded = qwenq_here("db", "upgrade", cwd=folder, env=environment)
    assert upgraded.returncode == 0, upgraded.stderr
    assert qwenq_here("db", "check", cwd=folder, env=environment).returncode == 0
    assert qwenq_here("submit", documents, "--model", "echo", cwd=folder, env=environment).returncode == 0


def test_the_message_about_an_absent_store_hides_its_password(folder: Path) -> None:
    away = {"QWENQ_DATABASE_URL": "postgresql://ann:hidden-word@127.0.0.1:1/qwenq"}
    refused = qwenq_here("status", cwd=folder, env=away)
    assert refused.returncode == 3
    assert "does not answer" in refused.stderr
    assert "hidden-word" not in refused.stderr


def test_check_says_what_is_wrong_and_how_to_mend_it(folder: Path) -> None:
    good = qwenq_here("check", cwd=folder, env={"QWENQ_MODEL": "echo"})
    assert good.returncode == 0, good.stdout
    away = {"QWENQ_MODEL": "echo", "QWENQ_BROKER_URL": "redis://127.0.0.1:1/0"}
    wrong = qwenq_here("check", "--json", cwd=folder, env=away)
    findings = {finding["subject"]: finding for finding in json.loads(wrong.stdout)}
    assert wrong.returncode == 3
    assert findings["broker"]["verdict"] == "wrong"
    assert "QWENQ_BROKER_URL" in findings["broker"]["message"]


def test_check_reports_every_unreadable_setting_and_tries_the_rest(folder: Path) -> None:
    wrong = {"QWENQ_DTYPE": "int3", "QWENQ_QUANTIZE": "5bit", "QWENQ_MODEL": "echo"}
    told = qwenq_here("check", cwd=folder, env=wrong)
    assert told.returncode == 2
    assert re.findall(r"✗ settings +(\w+)", told.stdout) == ["QWENQ_DTYPE", "QWENQ_QUANTIZE"]
    assert "✓ model" in told.stdout


def test_a_worker_refuses_a_device_that_is_not_there(folder: Path) -> None:
    refused = qwenq_here("worker", "--model", TINY_MODEL, "--device", "xpu", cwd=folder)
    assert refused.returncode == 2
    assert "finds no xpu device here" in refused.stderr


@pytest.mark.parametrize(
    ("variable", "value"),
    [("QWENQ_LEASE_SECONDS", "soon"), ("QWENQ_FLOWER_AUTH", "nobody"), ("QWENQ_LOG_LEVEL", "loud")],
)
def test_an_invalid_setting_is_named(folder: Path, variable: str, value: str) -> None:
    refused = qwenq_here("status", cwd=folder, env={variable: value})
    assert refused.returncode == 2
    assert variable in refused.stderr
    assert "Traceback" not in refused.stderr


def test_the_environment_goes_before_the_settings_file(folder: Path, documents: Path) -> None:
    (folder / "qwenq.toml").write_text('model = "echo"\nhome = "elsewhere"\n')
    submitted = qwenq_here("submit", documents, "--json", cwd=folder)
    assert json.loads(submitted.stdout)["model"] == "echo"
    assert (folder / "elsewhere" / "qwenq.db").exists()
    submitted = qwenq_here("submit", documents, "--json", cwd=folder, env={"QWENQ_MODEL": "other/model"})
    assert json.loads(submitted.stdout)["model"] == "other/model"
    (folder / "qwenq.toml").write_text("modle = 'echo'\n")
    assert "no setting 'modle'" in qwenq_here("status", cwd=folder).stderr
    (folder / "qwenq.toml").write_text("model = \n")
    broken = qwenq_here("status", cwd=folder)
    assert (broken.returncode, "qwenq.toml" in broken.stderr) == (2, True)


def test_templates_are_listed_and_shown_without_making_a_store(folder: Path) -> None:
    listed = qwenq_here("templates", cwd=folder).stdout
    for name in (
        "summarize",
        "extract",
        "classify",
        "translate",
        "qa",
        "reasoning",
        "coding",
        "multilingual",
    ):
        assert name in listed
    assert "{{" in qwenq_here("templates", "show", "summarize", cwd=folder).stdout
    assert not (folder / ".qwenq").exists()


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("check",), 3),
        (("up",), 3),
        (("run", "docs.jsonl", "-o", "a.jsonl"), 3),
        (("submit", "docs.jsonl"), 0),
    ],
    ids=lambda words: words[0] if isinstance(words, tuple) else None,
)
def test_a_model_that_nothing_has_is_told_before_any_worker_starts(
    folder: Path, documents: Path, words: tuple[str, ...], code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trial, "try_engine", lambda _device, _dtype: None)
    done = qwenq_here(*words, cwd=folder, env={"QWENQ_MODEL": "Qwen/no-such-model"})
    said = done.stdout + done.stderr
    assert done.returncode == code, said
    assert "The model Qwen/no-such-model cannot be loaded" in said
    assert "--local-dir FOLDER" in said
    assert f"There is no folder Qwen/no-such-model in {folder}" in said
