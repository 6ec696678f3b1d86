"""A command in a folder without a store names the store that it looked for, and makes none."""

from pathlib import Path

import pytest

from tests.commands import qwenq_here


@pytest.mark.parametrize(
    "command",
    [
        "status 1", "status 1 --watch", "show 1 a", "results 1", "report 1 -o r.html", "metrics 1",
        "cancel 1", "pause 1", "resume 1", "retry 1", "db prune", "db prune --older-than 1d --yes", "db check",
        "documents 1", "schedule show n", "schedule edit n --tz UTC", "schedule pause n", "schedule resume n",
        "schedule remove n", "schedule run n", "schedule deliver 1", "schedule tick", "schedule costs",
    ],
)  # fmt: skip
def test_a_command_in_a_wrong_folder_names_the_store_and_makes_none(folder: Path, command: str) -> None:
    refused = qwenq_here(*command.split(), cwd=folder)
    assert refused.returncode == 2
    assert f"the store {folder}/.qwenq/qwenq.db does not exist" in refused.stderr
    assert "QWENQ_HOME" in refused.stderr
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("command", ["status", "schedule list"])
def test_a_list_in_a_folder_without_a_store_is_empty_and_makes_none(folder: Path, command: str) -> None:
    shown = qwenq_here(*command.split(), "--json", cwd=folder)
    assert (shown.returncode, shown.stdout.split()) == (0, ["[]"])
    assert f"the store {folder}/.qwenq/qwenq.db does not exist" in shown.stderr
    assert list(folder.iterdir()) == []


def test_a_store_at_a_set_address_is_not_made_by_looking_for_it(folder: Path) -> None:
    environment = {"QWENQ_DATABASE_URL": f"sqlite:///{folder / 'mine.db'}"}
    refused = qwenq_here("status", cwd=folder, env=environment)
    assert (refused.returncode, "`qwenq db upgrade`" in refused.stderr) == (3, True)
    assert list(folder.iterdir()) == []


def test_the_first_submit_says_where_it_made_a_store(folder: Path, documents: Path) -> None:
    first = qwenq_here("submit", documents, "--model", "echo", cwd=folder)
    assert f"a new store was made: sqlite:///{folder}/.qwenq/qwenq.db" in first.stderr
    second = qwenq_here("submit", documents, "--model", "echo", cwd=folder)
    assert "a new store" not in second.stderr
