"""The systemd units run commands that exist, are confined, and get secrets as files."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from qwenq.schemas.settings import ENV_PREFIX, Settings
from tests.unit.deploy.compose import ROOT
from tests.unit.docs.command_lines import fenced_commands, read_command

FOLDER = ROOT / "deploy" / "systemd"
UNITS = sorted(FOLDER.glob("*.service"))
MOST_EXPOSURE = 2.0
"""By `systemd-analyze security`, which calls 10 unsafe and less than 5 OK."""
SECRETS = {ENV_PREFIX.lower() + name for name in Settings.model_fields}


def lines_of(unit: Path, key: str) -> list[str]:
    return re.findall(rf"^{key}=(.*)$", unit.read_text("utf-8"), re.MULTILINE)


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_a_systemd_unit_runs_a_command_that_exists(unit: Path) -> None:
    (line,) = lines_of(unit, "ExecStart")
    (words,) = fenced_commands(f"```sh\n{line}\n```\n")
    assert read_command(words).command_path == f"qwenq {words[0]}"


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_systemd_calls_a_unit_little_exposed(unit: Path) -> None:
    graded = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", str(unit)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    found = re.search(r"exposure level for \S+: ([\d.]+)", graded.stdout)
    assert found, graded.stdout + graded.stderr
    assert float(found[1]) <= MOST_EXPOSURE, graded.stdout


@pytest.mark.parametrize("name", ["api", "beat", "flower"])
def test_a_service_without_a_model_sees_no_device_and_writes_no_code(name: str) -> None:
    unit = FOLDER / f"qwenq-{name}.service"
    assert lines_of(unit, "PrivateDevices") == lines_of(unit, "MemoryDenyWriteExecute") == ["yes"]


@pytest.mark.parametrize("name", ["worker@", "up"])
def test_a_service_with_a_model_sees_gpus_and_no_other_device(name: str) -> None:
    unit = FOLDER / f"qwenq-{name}.service"
    assert lines_of(unit, "DevicePolicy") == ["closed"]
    assert all(line.startswith("char-") and line.endswith(" rw") for line in lines_of(unit, "DeviceAllow"))
    assert lines_of(unit, "MemoryDenyWriteExecute") == []


@pytest.mark.parametrize("name", ["api", "beat", "flower", "worker@"])
def test_a_service_gets_its_own_secrets_as_files(name: str) -> None:
    unit = FOLDER / f"qwenq-{name}.service"
    given = [line.partition(":")[::2] for line in lines_of(unit, "LoadCredential")]
    assert {"qwenq_database_url", "qwenq_broker_url"} <= {secret for secret, _ in given} <= SECRETS
    folder = f"/etc/qwenq/{name.rstrip('@')}"
    assert [path for secret, path in given if path != f"{folder}/{secret}"] == []
    assert lines_of(unit, "Environment") == ["QWENQ_SECRETS_DIR=%d"]


def test_only_flower_gets_its_credentials() -> None:
    with_them = [unit.name for unit in UNITS if "flower_" in unit.read_text("utf-8")]
    assert with_them == ["qwenq-flower.service"]
