"""`qwenq --version` says what a report of a bug needs."""

from pathlib import Path

import pytest

from qwenq import __version__
from tests.commands import qwenq_here


@pytest.mark.parametrize("option", ["--version", "-V"])
def test_the_version_names_python_libraries_devices_and_services_and_makes_no_store(
    tmp_path: Path, option: str
) -> None:
    away = {"QWENQ_BROKER_URL": "redis://:hidden-word@redis.example/0", "QWENQ_MODEL": "echo"}
    told = qwenq_here(option, cwd=tmp_path, env=away)
    facts = dict(line.split(maxsplit=1) for line in told.stdout.splitlines())
    assert (told.returncode, facts["qwenq"], facts["model"]) == (0, __version__, "echo")
    assert {"python", "libraries", "devices", "broker"} <= set(facts)
    assert "torch 2" in facts["libraries"]
    assert facts["store"] == f"sqlite:///{tmp_path}/.qwenq/qwenq.db does not exist yet"
    assert "hidden-word" not in told.stdout
    assert list(tmp_path.iterdir()) == []


def test_the_version_names_a_wrong_setting_and_the_version_of_the_store(tmp_path: Path) -> None:
    (tmp_path / "docs.jsonl").write_text('{"text": "a"}\n')
    qwenq_here("submit", "docs.jsonl", "--model", "echo", cwd=tmp_path)
    assert "qwenq.db, version 00" in qwenq_here("-V", cwd=tmp_path).stdout
    wrong = qwenq_here("-V", cwd=tmp_path, env={"QWENQ_LEASE_SECONDS": "soon"})
    assert (wrong.returncode, "QWENQ_LEASE_SECONDS" in wrong.stdout) == (0, True)
