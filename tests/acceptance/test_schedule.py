"""README's "Every night", as a new user types it. `schedule tick --at` makes the night short."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from qwenq.embedded.session import environment_of
from qwenq.schemas.settings import Settings
from qwenq.store.broker.broker import Broker
from qwenq.store.database.store import Store
from tests.commands import qwenq_here
from tests.processes import Fleet

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_run_without_input_is_reported_in_one_line_and_recorded(folder: Path, settings: Settings) -> None:
    home = environment_of(settings)
    schedule = (
        "schedule",
        "add",
        "nightly",
        "--cron",
        "0 2 * * *",
        "--input",
        "inbox/*.csv",
        "-o",
        "out/{date}.csv",
    )
    added = qwenq_here(*schedule, "--model", "echo", cwd=folder, env=home)
    assert added.returncode == 0
    refused = qwenq_here("schedule", "run", "nightly", cwd=folder, env=home)
    assert refused.returncode == 2
    why = f"There is no file at {folder / 'inbox' / '*.csv'}: nothing matches the pattern"
    assert why in refused.stderr
    assert refused.stderr.count("\n") == 1, refused.stderr
    assert why in qwenq_here("schedule", "show", "nightly", cwd=folder, env=home).stdout
    assert why in qwenq_here("status", cwd=folder, env=home).stderr


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_every_schedule_command_says_that_no_worker_has_the_model(
    folder: Path, settings: Settings, broker: Broker
) -> None:
    home = environment_of(settings)
    (folder / "a.csv").write_text("text\none\n")
    schedule = ("schedule", "add", "nightly", "--cron", "0 2 * * *", "--input", "a.csv", "-o", "out.csv")
    why = "`qwenq worker --model nobody/has-it`"
    for command in (
        (*schedule, "--model", "nobody/has-it"),
        ("schedule", "run", "nightly"),
        ("schedule", "show", "nightly"),
        ("schedule", "list"),
        ("status",),
    ):
        shown = qwenq_here(*command, cwd=folder, env=home)
        assert (shown.returncode, why in shown.stderr + shown.stdout) == (0, True), command


@pytest.fixture
def blocks() -> list[str]:
    """The commands of README's section."""
    text = (ROOT / "README.md").read_text("utf-8")
    section = text.partition("\n## Every night\n")[2].partition("\n## ")[0]
    return re.findall(r"```sh\n(.*?)```", section, re.DOTALL)


@pytest.fixture
def shell(settings: Settings, tmp_path: Path, fleet: Fleet) -> "Shell":
    """A terminal in a folder with the examples, beside a running `qwenq up`."""
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    fleet.start("worker", "--model", str(ROOT / "examples" / "tiny-qwen3"))
    return Shell(settings, tmp_path)


class Shell:
    """Runs shell commands, with this qwenq on the PATH."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        self.folder = folder
        self._environment = {**environment_of(settings), "PATH": path, "OMP_NUM_THREADS": "1"}

    def type(self, commands: str) -> str:
        """Run commands, which must succeed. Returns what they print."""
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", commands],
            cwd=self.folder,
            env=self._environment,
            capture_output=True,
            check=False,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_readmes_schedule_gives_answers_and_a_report_in_the_morning(
    shell: Shell, blocks: list[str], store: Store
) -> None:
    evening, morning = blocks
    # README has submitted a job before, in the section above.
    shell.type("qwenq submit examples/invoices.csv --model echo")
    job = shell.type(evening).strip()
    assert job == "2"
    shell.type(morning)
    assert "<html" in (shell.folder / "report.html").read_text("utf-8")

    (shell.folder / "inbox" / "new.csv").write_text("id,text\nnew-1,What is the total?\n")
    night = json.loads(shell.type("qwenq schedule show nightly --json"))["schedule"]["next_due_at"]
    shell.type(f"qwenq schedule tick --at {night}")
    shell.type("qwenq status 3 --watch")
    # If the worker was quick, the first tick has already delivered the answers.
    shell.type(f"qwenq schedule tick --at {night}")
    shown = shell.type("qwenq schedule show nightly")
    assert "succeeded" in shown
    assert re.search(r"\b21\b.*\b20\b", shown), "20 of 21 documents were answered before"
    # Before two in Warsaw the date is the same, and so is the file.
    assert len(max((shell.folder / "out").iterdir()).read_text().splitlines()) == 21
