"""`qwenq --help`, `db`, `check` and `templates`, and the same from Python."""

import json
import re
from pathlib import Path

import pytest

import qwenq as api
from qwenq.cli.group import group
from qwenq.schemas.settings import Settings
from tests.commands import qwenq_here
from tests.processes import TINY_MODEL, Fleet, qwenq


def test_help_lists_every_command_and_each_option_names_its_environment_twin(folder: Path) -> None:
    told = qwenq("--help", cwd=folder).stdout
    for name in group.commands or group.list_commands(None):  # type: ignore[arg-type]
        assert re.search(rf"^  {name} ", told, re.MULTILINE), name
    submit = qwenq_here("submit", "--help", cwd=folder).stdout
    for option in ("MODEL", "MAX_NEW_TOKENS", "ON_OVERFLOW", "THINKING", "DRY_RUN"):
        assert f"QWENQ_{option}" in submit


def test_an_environment_twin_is_heeded(folder: Path, documents: Path) -> None:
    seen = qwenq(
        "submit", documents, "--dry-run", cwd=folder,
        env={"QWENQ_MODEL": "echo", "QWENQ_PROMPT": "Asked: {{ text }}"},
    )  # fmt: skip
    assert "Asked: Total: 0.50" in seen.stdout, seen.stderr


def test_a_store_without_tables_names_the_command_that_makes_them(folder: Path, documents: Path) -> None:
    environment = {"QWENQ_DATABASE_URL": f"sqlite:///{folder / 'mine.db'}"}
    refused = qwenq_here("submit", documents, "--model", "echo", cwd=folder, env=environment)
    assert refused.returncode == 3
    assert "`qwenq db upgrade`" in refused.stderr
    upgraded = qwenq("db", "upgrade", cwd=folder, env=environment)
    assert upgraded.returncode == 0, upgraded.stderr
    assert qwenq("db", "check", cwd=folder, env=environment).returncode == 0
    assert qwenq_here("submit", documents, "--model", "echo", cwd=folder, env=environment).returncode == 0


def test_a_store_that_is_away_is_told_without_its_password(folder: Path) -> None:
    away = {"QWENQ_DATABASE_URL": "postgresql://ann:hidden-word@127.0.0.1:1/qwenq"}
    refused = qwenq_here("status", cwd=folder, env=away)
    assert refused.returncode == 3
    assert "does not answer" in refused.stderr
    assert "hidden-word" not in refused.stderr


def test_check_says_what_is_wrong_and_how_to_mend_it(folder: Path) -> None:
    good = qwenq_here("check", cwd=folder, env={"QWENQ_MODEL": "echo"})
    assert good.returncode == 0, good.stdout
    wrong = qwenq_here("check", "--json", cwd=folder, env={"QWENQ_BROKER_URL": "redis://127.0.0.1:1/0"})
    findings = {finding["subject"]: finding for finding in json.loads(wrong.stdout)}
    assert wrong.returncode == 3
    assert findings["broker"]["verdict"] == "wrong"
    assert "QWENQ_BROKER_URL" in findings["broker"]["message"]


def test_check_tells_every_setting_that_cannot_be_read_and_tries_the_rest(folder: Path) -> None:
    wrong = {"QWENQ_DTYPE": "int3", "QWENQ_QUANTIZE": "5bit", "QWENQ_MODEL": "echo"}
    told = qwenq("check", cwd=folder, env=wrong)
    assert told.returncode == 2
    assert re.findall(r"✗ settings +(\w+)", told.stdout) == ["QWENQ_DTYPE", "QWENQ_QUANTIZE"]
    assert "✓ model" in told.stdout


def test_a_worker_whose_device_is_not_here_is_refused_at_once(folder: Path) -> None:
    refused = qwenq("worker", "--model", TINY_MODEL, "--device", "xpu", cwd=folder)
    assert refused.returncode == 2
    assert "finds no xpu device here" in refused.stderr


@pytest.mark.parametrize(
    ("variable", "value"),
    [("QWENQ_LEASE_SECONDS", "soon"), ("QWENQ_FLOWER_AUTH", "nobody"), ("QWENQ_LOG_LEVEL", "loud")],
)
def test_a_setting_that_is_not_valid_is_named(folder: Path, variable: str, value: str) -> None:
    refused = qwenq_here("status", cwd=folder, env={variable: value})
    assert refused.returncode == 2
    assert variable in refused.stderr
    assert "Traceback" not in refused.stderr


def test_the_settings_file_is_read_and_the_environment_goes_before_it(folder: Path, documents: Path) -> None:
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


def test_templates_are_listed_and_shown(folder: Path) -> None:
    listed = qwenq("templates", cwd=folder).stdout
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
    assert "{{" in qwenq("templates", "summarize", cwd=folder).stdout


def test_the_same_from_python(fleet: Fleet, settings: Settings, documents: Path) -> None:
    fleet.start("worker", "--model", "echo")
    job = api.submit([documents], model="echo", prompt="Say: {{ text }}", settings=settings)
    assert api.wait(job.id, settings=settings).documents.succeeded == 4
    texts = [result.text for result in api.results(job.id, settings=settings)]
    assert texts[0].startswith("Say: Total: 0.50")
    (error,) = api.errors(job.id, settings=settings)
    assert error.error.code == "invalid_row"
    assert [one.id for one in api.jobs(settings=settings)] == [job.id]
    waiting = api.submit([documents], model="nobody/serves-this", settings=settings)
    assert api.cancel(waiting.id, settings=settings).state == "cancelled"
