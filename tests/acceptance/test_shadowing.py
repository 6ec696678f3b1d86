"""qwenq as installed from its wheel, in folders whose files have the names of its parts and of what it imports."""

import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from qwenq.embedded.session import environment_of
from qwenq.schemas.settings import Settings
from tests.integration.test_topology import free_port
from tests.processes import ONE_THREAD, read_jsonl

ROOT = Path(__file__).parents[2]
ROOMS = ("migrations", "producer", "schemas", "store", "worker")
OWN_NAMES = (
    "schemas.py",
    "worker.py",
    "store/__init__.py",
    "producer.py",
    "migrations/__init__.py",
    "tasks.py",
)
"""Names that a person's project has, and that qwenq's parts have too."""
OTHERS_NAMES = (
    "redis.py",
    "types.py",
    "json.py",
    "random.py",
    "celery.py",
    "billiard/__init__.py",
    "click.py",
    "orjson.py",
    "sitecustomize.py",
    "usercustomize.py",
)
"""Names of Python's library, and of what qwenq needs."""
BEFORE_ANY_OF_OUR_CODE = {"types.py"}
"""`python -m` itself imports these from the working folder."""


@dataclass(frozen=True)
class Installed:
    """What pip made of the wheel."""

    wheel: Path
    site: Path

    @property
    def script(self) -> str:
        """The command `qwenq`."""
        return str(self.site / "bin" / "qwenq")

    def environment(self) -> dict[str, str]:
        """The environment in which it is what Python imports."""
        return {**os.environ, **ONE_THREAD, "PYTHONPATH": str(self.site), "QWENQ_LEASE_SECONDS": "2"}

    def run(self, *command: str, folder: Path, env: Mapping[str, str] | None = None) -> str:
        """Run a command in a folder: its output."""
        done = subprocess.run(
            command,
            cwd=folder,
            env={**self.environment(), **(env or {})},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """The wheel of this checkout, installed beside nothing else."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    source.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    for name in ("qwenq", *ROOMS):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, source / name, symlinks=True, ignore=ignored)
    _pip("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder), str(source))
    (wheel,) = folder.glob("*.whl")
    site = folder / "site"
    _pip("install", "--no-deps", "--no-index", "--target", str(site), str(wheel))
    return Installed(wheel, site)


@pytest.fixture
def shadowed(tmp_path: Path) -> Path:
    """A folder of two documents, and of files that must not be imported."""
    return _shadowed(tmp_path, OWN_NAMES + OTHERS_NAMES)


def test_the_wheel_holds_the_package_with_its_data_files_and_nothing_else(installed: Installed) -> None:
    with zipfile.ZipFile(installed.wheel) as wheel:
        names = set(wheel.namelist())
    assert {name.partition("/")[0] for name in names} == {"qwenq", "qwenq-0.1.0.dist-info"}
    kept = {
        str(path.relative_to(ROOT))
        for folder in (ROOT / "qwenq", *(ROOT / "qwenq" / room for room in ROOMS))
        for path in folder.rglob("*")
        if path.is_file() and path.suffix not in (".pyc", ".mako", ".md")
    }
    assert kept - names == set()


def test_a_run_imports_nothing_from_its_working_folder(installed: Installed, shadowed: Path) -> None:
    installed.run(
        installed.script, "run", "docs.jsonl", "--model", "echo", "-o", "out.jsonl", folder=shadowed
    )
    assert [answer["text"] for answer in read_jsonl(shadowed / "out.jsonl")] == ["one", "two"]


def test_up_imports_nothing_from_its_working_folder(installed: Installed, shadowed: Path) -> None:
    port = str(free_port())
    with subprocess.Popen(
        [installed.script, "up", "--model", "echo", "--port", port],
        cwd=shadowed,
        env=installed.environment(),
        stderr=subprocess.PIPE,
        text=True,
    ) as running:
        try:
            assert running.stderr is not None
            assert "echo" in running.stderr.readline()
            submit = (installed.script, "submit", "docs.jsonl", "--model", "echo", "--wait", "--json")
            job = json.loads(installed.run(*submit, folder=shadowed))
            assert (job["state"], job["documents"]["succeeded"]) == ("completed", 2)
            running.send_signal(signal.SIGINT)
            running.communicate(timeout=120)
            assert running.returncode == 130
        finally:
            running.kill()


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_worker_imports_nothing_from_its_working_folder(
    installed: Installed, shadowed: Path, settings: Settings, redis: None
) -> None:
    environment = environment_of(settings)
    with subprocess.Popen(
        [installed.script, "worker", "--model", "echo"],
        cwd=shadowed,
        env={**installed.environment(), **environment},
    ) as worker:
        try:
            submit = (installed.script, "submit", "docs.jsonl", "--model", "echo", "--wait", "--json")
            job = json.loads(installed.run(*submit, folder=shadowed, env=environment))
            assert (job["state"], job["documents"]["succeeded"]) == ("completed", 2)
        finally:
            worker.terminate()


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(("service", "sign"), [("beat", " ready."), ("flower", "Flower at")])
def test_a_service_imports_nothing_from_its_working_folder(
    installed: Installed, shadowed: Path, settings: Settings, redis: None, service: str, sign: str
) -> None:
    port = ("--port", "0") if service == "flower" else ()
    with subprocess.Popen(
        [installed.script, service, *port],
        cwd=shadowed,
        env={**installed.environment(), **environment_of(settings)},
        stderr=subprocess.PIPE,
        text=True,
    ) as running:
        try:
            assert running.stderr is not None
            said = list(itertools.takewhile(lambda line: sign not in line, running.stderr))
            assert running.poll() is None, said
        finally:
            running.kill()


def test_children_of_the_module_import_nothing_from_the_working_folder(
    installed: Installed, tmp_path: Path
) -> None:
    names = tuple(name for name in OWN_NAMES + OTHERS_NAMES if name not in BEFORE_ANY_OF_OUR_CODE)
    folder = _shadowed(tmp_path, names)
    told = installed.run(
        *(sys.executable, "-m", "qwenq", "run", "docs.jsonl", "--model", "echo", "-o", "out.jsonl", "--json"),
        folder=folder,
    )
    assert json.loads(told)["documents"]["succeeded"] == 2


def test_children_import_nothing_from_relative_entries_of_the_path(
    installed: Installed, tmp_path: Path
) -> None:
    (tmp_path / "sub").mkdir()
    _shadowed(tmp_path / "sub", ("worker.py", "celery.py", "orjson.py", "billiard/__init__.py"))
    _shadowed(tmp_path, ("worker.py", "celery.py", "orjson.py", "billiard/__init__.py"))
    told = installed.run(
        *(installed.script, "run", "docs.jsonl", "--model", "echo", "-o", "out.jsonl", "--json"),
        folder=tmp_path,
        env={"PYTHONPATH": f":sub:{installed.site}:."},
    )
    assert json.loads(told)["documents"]["succeeded"] == 2


def test_the_package_is_imported_beside_modules_with_its_rooms_names(
    installed: Installed, tmp_path: Path
) -> None:
    folder = _shadowed(tmp_path, OWN_NAMES)
    program = "import qwenq; print(qwenq.submit.__module__, qwenq.__file__)"
    told = installed.run(sys.executable, "-c", program, folder=folder).split()
    assert told == ["qwenq.api.submitting", str(installed.site / "qwenq" / "__init__.py")]


def _pip(*words: str) -> None:
    command = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", *words]
    subprocess.run(command, check=True, timeout=240)


def _shadowed(folder: Path, names: tuple[str, ...]) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"raise RuntimeError('{name} of the working folder was imported')\n")
    (folder / "docs.jsonl").write_text('{"text": "one"}\n{"text": "two"}\n')
    return folder
