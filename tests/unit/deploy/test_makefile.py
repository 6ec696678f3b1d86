"""The Makefile lists its targets and refuses an old Python; `.ci/run` names the step that failed."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
MAKEFILE = ROOT / "Makefile"
CI = ROOT / ".ci" / "run"

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="there is no make")


def make(*arguments: str, folder: Path = ROOT) -> subprocess.CompletedProcess[str]:
    # Without the options of a `make test` that runs this test.
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))
    }
    return subprocess.run(
        ["make", "--no-print-directory", *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.fixture
def empty_project(tmp_path: Path) -> Path:
    """A project where nothing is installed yet."""
    shutil.copy(MAKEFILE, tmp_path)
    for name in ("pyproject.toml", "constraints.txt"):
        (tmp_path / name).touch()
    return tmp_path


def fake_python(folder: Path, version: str, *, is_new_enough: bool) -> str:
    python = folder / "python"
    python.write_text(
        "#!/bin/sh\n"
        f'case "$1" in --version) echo "Python {version}";; -c) exit {0 if is_new_enough else 1};;'
        ' *) echo "asked: $*";; esac\n'
    )
    python.chmod(0o755)
    return str(python)


def test_make_help_lists_every_target() -> None:
    targets = set(re.findall(r"^([a-z][a-z-]*):", MAKEFILE.read_text("utf-8"), re.MULTILINE))
    listed = {line.split()[1] for line in make("help").stdout.splitlines()}
    assert {"install", "demo", "test", "lint", "types", "check", "bench", "docs", "clean"} <= targets
    assert listed == targets


def test_every_target_of_the_makefile_is_phony() -> None:
    text = MAKEFILE.read_text("utf-8")
    targets = set(re.findall(r"^([a-z][a-z-]*):", text, re.MULTILINE))
    assert set(re.findall(r"^\.PHONY: ([a-z-]+)$", text, re.MULTILINE)) == targets


def test_make_install_refuses_an_old_python(empty_project: Path) -> None:
    python = fake_python(empty_project, "3.9.6", is_new_enough=False)
    made = make("install", f"PYTHON={python}", folder=empty_project)
    assert made.returncode != 0
    assert "Python 3.9.6 is too old, qwenq needs Python 3.11" in made.stderr
    assert not (empty_project / ".venv").exists()


def test_make_install_refuses_a_python_that_is_missing(empty_project: Path) -> None:
    made = make("install", "PYTHON=no-such-python", folder=empty_project)
    assert made.returncode != 0
    assert "there is no no-such-python" in made.stderr


def test_make_install_runs_again_only_when_the_versions_change(empty_project: Path) -> None:
    python = fake_python(empty_project, "3.12.1", is_new_enough=True)
    bin_folder = empty_project / ".venv" / "bin"
    bin_folder.mkdir(parents=True)
    shutil.copy(python, bin_folder / "python")

    first = make("install", f"PYTHON={python}", folder=empty_project)
    assert "asked: -m pip install" in first.stdout
    assert "-c constraints.txt -e .[documents,excel,parquet,serve]" in first.stdout
    assert "pip install" not in make("install", f"PYTHON={python}", folder=empty_project).stdout

    later = (empty_project / ".venv" / ".installed").stat().st_mtime + 10
    os.utime(empty_project / "constraints.txt", (later, later))
    assert "pip install" in make("install", f"PYTHON={python}", folder=empty_project).stdout


def test_the_demo_installs_no_developers_tools_which_come_with_the_tests(empty_project: Path) -> None:
    assert "[dev]" not in make("--dry-run", "demo", folder=empty_project).stdout
    for target in ("test", "lint", "types"):
        assert "-e '.[dev]'" in make("--dry-run", target, folder=empty_project).stdout


@pytest.mark.parametrize(("torch", "is_for_cpu"), [("cpu", True), ("cuda", False)])
def test_make_install_takes_pytorch_for_the_cpu_or_for_cuda(
    empty_project: Path, torch: str, is_for_cpu: bool
) -> None:
    python = fake_python(empty_project, "3.12.1", is_new_enough=True)
    (empty_project / ".venv" / "bin").mkdir(parents=True)
    shutil.copy(python, empty_project / ".venv" / "bin" / "python")
    (empty_project / "constraints.txt").write_text("torch==2.13.0\ntorchvision==1\n")
    made = make("install", f"PYTHON={python}", f"TORCH={torch}", folder=empty_project)
    taken = "--no-deps --index-url https://download.pytorch.org/whl/cpu torch==2.13.0\n"
    assert (made.returncode, taken in made.stdout) == (0, is_for_cpu), made.stderr


def run_ci(folder: Path, makefile: str, audit_code: int = 0) -> subprocess.CompletedProcess[str]:
    """Run `.ci/run` with another Makefile and an audit that ends at once."""
    (folder / ".ci").mkdir()
    shutil.copy(CI, folder / ".ci" / "run")
    audit = folder / ".ci" / "audit"
    audit.write_text(f"#!/bin/sh\nexit {audit_code}\n")
    (folder / "Makefile").write_text(makefile)
    audit.chmod(0o755)
    # With these there, nothing is installed.
    for name in ("chromium", "systemd-analyze"):
        (folder / name).touch(0o755)
    return subprocess.run(
        [folder / ".ci" / "run"],
        env={**os.environ, "PATH": f"{folder}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_ci_names_the_step_that_failed(tmp_path: Path) -> None:
    ended = run_ci(tmp_path, "install lint:\n\t@echo $@\ntypes:\n\t@exit 1\n")
    assert ended.returncode != 0
    assert "== FAILED in: make types" in ended.stderr


@pytest.mark.parametrize(
    ("audit_code", "code", "said"),
    [(0, 0, "== all green"), (1, 1, "== FAILED in: audit"), (3, 0, "NOT audited for known vulnerabilities")],
)
def test_ci_fails_for_known_vulnerabilities_and_says_when_nobody_looked(
    tmp_path: Path, audit_code: int, code: int, said: str
) -> None:
    ended = run_ci(tmp_path, "install lint types test tools:\n\t@echo $@\n", audit_code)
    assert (ended.returncode, said in ended.stdout + ended.stderr) == (code, True)


PACKAGE = {"name": "a", "version": "1", "vulns": []}
FAULT = {"id": "CVE-1", "fix_versions": ["2"]}


@pytest.mark.parametrize(
    ("packages", "code", "said"),
    [
        ([PACKAGE], 0, "audit: 1 packages looked up, 0 known vulnerabilities"),
        ([{**PACKAGE, "vulns": [FAULT]}], 1, "a 1: CVE-1, fixed in 2"),
        ([{"name": "a", "skip_reason": "unknown"}], 3, "NOT looked up"),
        (None, 3, "NOT looked up"),
    ],
)
def test_an_audit_that_looked_up_nothing_says_so(
    tmp_path: Path, packages: list[object] | None, code: int, said: str
) -> None:
    tool = tmp_path / "pip-audit"
    answer = "echo broken >&2" if packages is None else f"echo '{json.dumps({'dependencies': packages})}'"
    tool.write_text(f"#!/bin/sh\n{answer}\n")
    tool.chmod(0o755)
    ended = subprocess.run(
        [sys.executable, ROOT / ".ci" / "audit", tool],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert ended.returncode == code
    assert said in ended.stdout
